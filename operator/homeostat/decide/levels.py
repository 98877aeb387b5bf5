"""How far the operator may go by itself: the lowest of ceiling, intent, policy and what was earned (pure).

The table of levels is in docs/autonomy.md. Shadow and Live are decided by the same code: in Shadow a step is judged by
the level that would hold if every mode were Live (``rehearsed``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.autonomy_ceiling import CEILING_NAME, AutonomyCeilingSpec, GlobalRate
from homeostat.contracts.boundaries import Boundaries, BoundaryRule
from homeostat.contracts.levels import LARGEST_LEVEL
from homeostat.contracts.operations import OperationKind
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Variables
from homeostat.flow.resources import Refusal

from .boundaries import Known, Permission, is_never, permission, risk_of
from .earned import Demotion

EVALUATES_ONLY = 0
SHADOW_LEVEL = 1
AFTER_APPROVAL = 2
_BY_ITSELF_FROM = {Risk.LOW: 3, Risk.MEDIUM: 4, Risk.HIGH: 5}

CEILING_MISSING = "CeilingMissing"


class Limit(StrEnum):
    """What limits autonomy; the value is the reason that is shown where it is the lowest."""

    CEILING = "LimitedByCeiling"
    INTENT = "LimitedByIntent"
    POLICY = "LimitedByPolicy"
    EARNED = "Demoted"


_NAMES = {Limit.CEILING: "the AutonomyCeiling", Limit.INTENT: "the intent", Limit.POLICY: "the policy"}


@dataclass(frozen=True, slots=True)
class Autonomy:
    """The effective level with what else the ceiling says.

    ``reason`` and ``message`` tell which limit is the lowest; ``rehearsed`` is the level if every mode were Live;
    ``stopped`` says who stopped all writes and why, or that this cannot be known; empty where writing is allowed.
    """

    level: int
    rehearsed: int
    reason: str
    message: str
    never: tuple[BoundaryRule, ...] = ()
    rate: GlobalRate | None = None
    stopped: str = ""

    def applied(self, mode: Mode) -> int:
        """The level that a step is judged by."""
        return self.rehearsed if mode is Mode.SHADOW else self.level


@dataclass(frozen=True, slots=True)
class _Bound:
    limit: Limit
    level: int
    rehearsed: int
    why: str


def effective_autonomy(
    ceiling: AutonomyCeilingSpec | Refusal,
    intent: int | None,
    policy: int,
    mode: Mode,
    earned: Demotion | None,
) -> Autonomy:
    """The effective level: the lowest of four.

    ``ceiling`` is why there is none where it is missing or could not be read: then it is level 1; ``intent`` None caps
    nothing; ``policy`` and ``mode`` are the policy's; ``earned`` None: it has lost nothing.
    """
    bounds = [_of_ceiling(ceiling), _moded(Limit.POLICY, policy, mode)]
    if intent is not None:
        bounds.append(_Bound(Limit.INTENT, intent, intent, f"autonomyLevel {intent}"))
    if earned is not None:
        bounds.append(_Bound(Limit.EARNED, earned.level, earned.level, earned.message))
    level = min(bound.level for bound in bounds)
    lowest = [bound for bound in bounds if bound.level == level]
    known = ceiling if isinstance(ceiling, AutonomyCeilingSpec) else None
    return Autonomy(
        level=level,
        rehearsed=min(bound.rehearsed for bound in bounds),
        reason=_reason(ceiling, lowest),
        message=f"autonomy level {level}, set by {' and '.join(map(_told, lowest))}",
        never=tuple(known.never) if known else (),
        rate=known.rate if known else None,
        stopped=why_stopped(ceiling),
    )


def why_stopped(ceiling: AutonomyCeilingSpec | Refusal) -> str:
    """Who stopped all writes and why; empty where writing is allowed.

    Without a ceiling there is no stop switch; where it cannot be read, it may be set.
    """
    if isinstance(ceiling, Refusal):
        return "" if ceiling.reason == CEILING_MISSING else f"{ceiling.message}, so its stop switch may be set"
    if ceiling.stop is None:
        return ""
    return f"{ceiling.stop.by} stopped all writes in AutonomyCeiling {CEILING_NAME}: {ceiling.stop.reason}"


def withheld(autonomy: Autonomy, kind: OperationKind) -> tuple[str, str]:
    """Reason and message where an operation of this kind may not be sent now; two empty texts where it may.

    Nothing passes the stop switch. Nothing but an undo, which puts back what was there, is done below level 2.
    """
    if autonomy.stopped:
        return "Stopped", f"Nothing is written: {autonomy.stopped}."
    if autonomy.level < AFTER_APPROVAL and kind is not OperationKind.UNDO:
        return "LevelTooLow", f"Nothing is done below autonomy level {AFTER_APPROVAL}: {autonomy.message}."
    return "", ""


def permission_at(
    autonomy: Autonomy, mode: Mode, boundaries: Boundaries, step: Step, variables: Variables, known: Known = None
) -> Permission:
    """What boundaries and level say about a step together: never outranks approval, which outranks autonomous."""
    if is_never(autonomy.never, step, variables, known):
        return Permission.NEVER
    said = permission(boundaries, step, variables, known)
    if said is Permission.AUTONOMOUS and autonomy.applied(mode) < _BY_ITSELF_FROM[risk_of(step, known)]:
        return Permission.APPROVAL
    return said


def _of_ceiling(ceiling: AutonomyCeilingSpec | Refusal) -> _Bound:
    if isinstance(ceiling, Refusal):
        # What Live would do is told as if nothing but the policy's own limits held.
        return _Bound(Limit.CEILING, SHADOW_LEVEL, LARGEST_LEVEL, ceiling.message)
    return _moded(Limit.CEILING, ceiling.autonomy_level, ceiling.mode)


def _moded(limit: Limit, level: int, mode: Mode) -> _Bound:
    if mode is Mode.SHADOW and level >= SHADOW_LEVEL:
        return _Bound(limit, SHADOW_LEVEL, level, "mode Shadow")
    return _Bound(limit, level, level, f"autonomyLevel {level}")


def _reason(ceiling: AutonomyCeilingSpec | Refusal, lowest: Sequence[_Bound]) -> str:
    if isinstance(ceiling, Refusal) and lowest[0].limit is Limit.CEILING:
        return ceiling.reason
    return str(lowest[0].limit)


def _told(bound: _Bound) -> str:
    return f"{_NAMES[bound.limit]} ({bound.why})" if bound.limit in _NAMES else f"the loop breaker ({bound.why})"
