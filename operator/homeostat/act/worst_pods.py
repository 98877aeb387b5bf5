"""Which pods are evicted: the worst ones that are really bad, and of these only what may go (pure)."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from homeostat.act.disruption_budgets import DisruptionBudget
from homeostat.contracts.actions.evict import EvictAction, Order, WorstPods
from homeostat.flow.wording import exact, format_value

_VICTIM = re.compile(r"([a-z0-9][-a-z0-9.]*)/([-a-zA-Z0-9]+)")
_EVICTED = "evicted: "


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pod that could be evicted, its value, and the disruption budgets that its eviction is charged to."""

    name: str
    uid: str
    ready: bool
    value: float
    budgets: tuple[DisruptionBudget, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The pods to evict, worst first; where there are none, why: one word, and a sentence."""

    victims: tuple[Candidate, ...]
    refused: str = ""
    message: str = ""


def choose(action: EvictAction, candidates: Sequence[Candidate], ready: int) -> Choice:
    """The worst bad pods, at most ``count``; one that may not go is passed over.

    ``ready`` counts all ready pods of the target: at least one of them stays.
    """
    bad = worst_first(action.worst, candidates)
    if not bad:
        return Choice((), "NoPodSelected", _none_is_bad(action.worst, candidates))
    victims: list[Candidate] = []
    held_back: list[tuple[str, str]] = []
    for candidate in bad:
        refusal = _refusal(candidate, ready - sum(v.ready for v in victims), _charged(victims))
        if refusal is None:
            victims.append(candidate)
        else:
            held_back.append(refusal)
        if len(victims) == action.count:
            break
    return Choice(tuple(victims)) if victims else Choice((), *held_back[0])


def worst_first(worst: WorstPods, candidates: Iterable[Candidate]) -> list[Candidate]:
    """The pods whose value is beyond the threshold, worst first, equal ones by name."""
    sign = -1 if worst.order is Order.HIGHEST else 1
    threshold = Decimal(worst.threshold)
    bad = (c for c in candidates if sign * exact(c.value) < sign * threshold)
    return sorted(bad, key=lambda c: (sign * c.value, c.name))


def victims_text(victims: Iterable[Candidate]) -> str:
    """The very pods that a plan evicts, in order."""
    return _EVICTED + ", ".join(f"{victim.name}/{victim.uid}" for victim in victims)


def victims_of(text: str) -> dict[str, str]:
    """Names by uid of the pods that a plan evicts, in order.

    Raises:
        ValueError: the text names no pods.
    """
    found = [_VICTIM.fullmatch(part) for part in text.removeprefix(_EVICTED).split(", ")]
    if not text.startswith(_EVICTED) or None in found:
        raise ValueError(f"{text!r} does not name pods to evict")
    return {match[2]: match[1] for match in found if match is not None}


def told(candidate: Candidate) -> str:
    """A pod and its value."""
    return f"{candidate.name} ({format_value(candidate.value)})"


def _charged(victims: Iterable[Candidate]) -> Mapping[str, int]:
    return Counter(budget.name for victim in victims for budget in victim.budgets)


def _refusal(candidate: Candidate, ready_left: int, charged: Mapping[str, int]) -> tuple[str, str] | None:
    """Why a bad pod may not go, as one word and a sentence; None if it may."""
    if ready_left - candidate.ready < 1:
        return "TooFewReadyPods", f"without {candidate.name} no pod would be ready; it stays until another one is"
    if len(candidate.budgets) > 1:
        names = " and ".join(sorted(budget.name for budget in candidate.budgets))
        return "PdbForbids", (
            f"{candidate.name} is under several PodDisruptionBudgets ({names}), and the eviction API serves only pods "
            "under one: narrow their selectors"
        )
    spent = next((b for b in candidate.budgets if charged.get(b.name, 0) >= b.allowed), None)
    if spent is not None:
        return "PdbForbids", f"PodDisruptionBudget {spent.name} does not let {candidate.name} go now: {spent.healthy}"
    return None


def _none_is_bad(worst: WorstPods, candidates: Sequence[Candidate]) -> str:
    side, end = ("above", max) if worst.order is Order.HIGHEST else ("below", min)
    if not candidates:
        return "no pod can be chosen: none that a controller would make anew has been measured for long enough"
    nearest = end(candidates, key=lambda c: c.value)
    return f"no pod is {side} {worst.threshold}; the {worst.order.lower()} is {told(nearest)}"
