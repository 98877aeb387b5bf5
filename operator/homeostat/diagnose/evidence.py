"""What one observation says about a cause, how much it weighs, and what a declared cause's evidence shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from homeostat.contracts.causes import CauseRule, EvidenceRule
from homeostat.contracts.common import parse_duration
from homeostat.contracts.remediation import Evidence, Says
from homeostat.flow.facts import Answer, Situation
from homeostat.flow.wording import clip, format_value

from .changes import describe_change, net_changes, why_no_change

_UNKNOWN_COUNTS_AGAINST = 0.5


@dataclass(frozen=True, slots=True)
class Weighed:
    """One observation with its weight; weight 0 is shown but does not count."""

    evidence: Evidence
    weight: float = 1.0

    @property
    def says(self) -> Says:
        """What it says about its cause."""
        return self.evidence.says


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A cause with all that was seen for and against it. ``targets``: where it was found; empty if not tied to any."""

    name: str
    observed: tuple[Weighed, ...]
    supported: bool
    targets: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """Share of the weight of the evidence that supports it, 0 to 1; unknown evidence counts half against."""
        weight = {says: sum(w.weight for w in self.observed if w.says is says) for says in Says}
        total = weight[Says.SUPPORTS] + weight[Says.AGAINST] + _UNKNOWN_COUNTS_AGAINST * weight[Says.UNKNOWN]
        return weight[Says.SUPPORTS] / total if total else 0.0

    def sentences(self, says: Says) -> tuple[str, ...]:
        """The observations that say this."""
        return tuple(w.evidence.message for w in self.observed if w.says is says)

    def narrowed_by(self, other: "Hypothesis") -> "Hypothesis":
        """The same cause, supported only if both are: an author can add conditions to a built-in cause, lift none."""
        return replace(self, observed=self.observed + other.observed, supported=self.supported and other.supported)

    def vetoed(self) -> "Hypothesis":
        """The same evidence, but not enough to act on."""
        return replace(self, supported=False)


def observed(
    situation: Situation,
    cause: str,
    name: str,
    says: Says,
    message: str,
    *,
    weight: float = 1.0,
    value: str = "",
    query: str = "",
    as_of: datetime | None = None,
) -> Weighed:
    """One observation, its texts cut to what a record holds."""
    evidence = Evidence(
        name=clip(name, 64),
        cause=cause,
        says=says,
        message=clip(message),
        query=query,
        value=clip(value),
        as_of=as_of,
        source=situation.source,
    )
    return Weighed(evidence, weight)


def declared(rule: CauseRule, situation: Situation) -> Hypothesis:
    """A hypothesis of the policy's author: supported when all its evidence was seen."""
    seen = tuple(_rule_evidence(rule.name, evidence, situation) for evidence in rule.evidence)
    return Hypothesis(rule.name, seen, supported=all(w.says is Says.SUPPORTS for w in seen))


def onset_of(situation: Situation) -> datetime:
    """When the breach began, as far as is known."""
    return situation.onset or situation.observation.at


def _rule_evidence(cause: str, rule: EvidenceRule, situation: Situation) -> Weighed:
    if rule.change is not None:
        within, onset = parse_duration(rule.change.within), onset_of(situation)
        of_it = [
            c for c in situation.changes if c.config_map == rule.change.config_map and rule.change.key in (None, c.key)
        ]
        recent = net_changes(of_it, onset, within)
        if recent:
            message = "; ".join(describe_change(c, onset) for c in recent)
            return observed(situation, cause, rule.name, Says.SUPPORTS, message, as_of=recent[0].at)
        message = why_no_change(of_it, onset, within, rule.change.config_map)
        return observed(situation, cause, rule.name, Says.AGAINST, message)
    says, message, value = _read(rule.name, situation.answers.get(f"{cause}/{rule.name}"))
    return observed(situation, cause, rule.name, says, message, value=value, query=rule.query or "")


def _read(name: str, answer: Answer | None) -> tuple[Says, str, str]:
    if answer is None:
        return Says.UNKNOWN, f"{name} was not asked", ""
    if answer.failure is not None:
        return Says.UNKNOWN, f"{name} is not known: {answer.message or answer.failure}", ""
    if answer.warnings:
        return Says.UNKNOWN, f"{name} is not trusted, the source warns: {answer.warnings[0]}", ""
    values = [series.value for series in answer.series]
    if not values:
        return Says.AGAINST, f"{name} does not hold", ""
    if not all(math.isfinite(value) for value in values):
        return Says.UNKNOWN, f"{name} is not known: the answer holds values that are not finite numbers", ""
    return Says.SUPPORTS, f"{name} holds ({_shown(values)})", _shown(values)


def _shown(values: Sequence[float]) -> str:
    more = f" and {len(values) - 3} more" if len(values) > 3 else ""  # noqa: PLR2004 - three values fit a sentence
    return ", ".join(format_value(v) for v in values[:3]) + more
