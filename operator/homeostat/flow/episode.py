"""Onset and end of episodes, and the policy that governs one (pure).

An episode is one stretch of violation: it begins when an expectation turns Violated while none is open, and ends when
every expectation is Met again. Unknown neither begins nor ends one, and a move between two bad states is no new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from homeostat.contracts.remediation_policy import IntentSelector, Mode, Trigger
from homeostat.contracts.service_intent import Episode, Fulfilment, RecordRef
from homeostat.flow.facts import Assessment
from homeostat.flow.resources import CompiledIntent, CompiledPolicy


@dataclass(frozen=True, slots=True)
class Governing:
    """The policy and the trigger of it that an episode runs under."""

    policy: CompiledPolicy
    trigger: Trigger


def selects(selector: IntentSelector, name: str, labels: Mapping[str, str]) -> bool:
    """Whether a selector is for an intent; every part given must agree, and an empty one selects nothing."""
    if not selector.match_names and not selector.match_labels:
        return False
    by_name = not selector.match_names or name in selector.match_names
    return by_name and all(labels.get(k) == v for k, v in selector.match_labels.items())


def governing(intent: CompiledIntent, policies: Sequence[CompiledPolicy], violated: Sequence[str]) -> Governing | None:
    """The policy for a violation: Live before Shadow, then by name; its first trigger that is violated."""
    ranked = sorted(policies, key=lambda p: (p.spec.mode is not Mode.LIVE, p.stamp.name))
    for policy in ranked:
        if not selects(policy.spec.intent_selector, intent.stamp.name, intent.labels):
            continue
        for trigger in policy.spec.triggers:
            if trigger.expectation in violated:
                return Governing(policy, trigger)
    return None


def is_onset(episode: Episode | None, assessment: Assessment) -> bool:
    """Whether this look begins an episode."""
    return bool(assessment.violated()) and (episode is None or not episode.open)


def is_over(episode: Episode | None, assessment: Assessment) -> bool:
    """Whether this look ends the open episode."""
    return episode is not None and episode.open and assessment.fulfilment is Fulfilment.FULFILLED


def next_number(episode: Episode | None, recorded: Sequence[int]) -> int:
    """1 + the larger of the status and all records, so that a wiped status starts no old number again."""
    return 1 + max([episode.number if episode else 0, *recorded])


def begin(number: int, found: Governing | None, expectation: str, record: str, at: datetime) -> Episode:
    """A new open episode; without a governing policy it has no record."""
    return Episode(
        number=number,
        since=at,
        open=True,
        trigger=found.trigger.expectation if found else expectation,
        policy=found.policy.stamp.name if found else "",
        record=RecordRef(name=record) if found else None,
    )
