"""Statuses of policies and telemetry sources as values, made from what was seen (pure)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from homeostat.contracts.remediation_policy import (
    Mode,
    NotActed,
    Outcomes,
    RemediationPolicySpec,
    RemediationPolicyStatus,
)
from homeostat.contracts.telemetry_source import TelemetrySourceStatus
from homeostat.decide.levels import AFTER_APPROVAL, SHADOW_LEVEL, Autonomy, Limit
from homeostat.flow.facts import Unknown
from homeostat.flow.holds import Hold
from homeostat.flow.resources import Refusal
from homeostat.flow.wording import clip
from homeostat.record.aspects import LONGEST_SUMMARY, Aspect, conditions, held, refused


def policy_status(
    previous: RemediationPolicyStatus,
    *,
    spec: RemediationPolicySpec | None,
    generation: int,
    at: datetime,
    refusal: Refusal | None,
    matched_intents: int,
    unmatched_triggers: Sequence[str],
    outcomes: Outcomes,
    last_not_acted: NotActed | None,
    unprotected: str = "",
    hold: Hold | None = None,
    autonomy: Autonomy | None = None,
) -> RemediationPolicyStatus:
    """What a policy matched and did; ``spec`` is the version in force, None if there never was a good one.

    ``unprotected`` says why a Live policy is held in Shadow: decisions in records are not guarded. ``hold`` is the
    policy's own stop or pause. ``autonomy`` is how far it may go by itself; None where it is not in force.
    """
    return RemediationPolicyStatus(
        observed_generation=generation,
        conditions=conditions(
            previous.conditions,
            [
                *_policy_readiness(spec, refusal, unprotected, autonomy),
                _matched(matched_intents, unmatched_triggers),
                held(hold),
                *([_autonomous(autonomy)] if autonomy else []),
            ],
            generation,
            at,
        ),
        matched_intents=matched_intents,
        unmatched_triggers=list(unmatched_triggers)[:16],
        last_not_acted=last_not_acted,
        outcomes=outcomes,
        effective_autonomy_level=autonomy.level if autonomy else None,
        summary=clip(
            _policy_summary(
                spec, refusal, _matched(matched_intents, unmatched_triggers), outcomes, last_not_acted, autonomy
            ),
            LONGEST_SUMMARY,
        ),
    )


def _policy_readiness(
    spec: RemediationPolicySpec | None, refusal: Refusal | None, unprotected: str, autonomy: Autonomy | None
) -> Iterable[Aspect]:
    if refusal is None and unprotected and spec is not None and spec.mode is Mode.LIVE:
        message = f"Held in Shadow although Live is asked for: {unprotected}."
        return [Aspect("Ready", True, "ApprovalUnprotected", message)]
    if refusal is None and spec is not None and spec.mode is Mode.LIVE and _is_held_in_shadow(autonomy):
        message = f"Nothing is done although Live is asked for: {autonomy.message if autonomy else ''}."
        return [Aspect("Ready", True, "HeldInShadow", message)]
    if refusal is None:
        shadow = spec is not None and spec.mode is Mode.SHADOW
        message = "It records what it would do, and does nothing." if shadow else "It acts within its boundaries."
        return [Aspect("Ready", True, "Shadow" if shadow else "Live", message)]
    message = refused(refusal) + (" The last good version stays in force." if spec is not None else "")
    return [Aspect("Ready", False, refusal.reason, message), Aspect("Stalled", True, refusal.reason, message)]


def _is_held_in_shadow(autonomy: Autonomy | None) -> bool:
    return autonomy is not None and autonomy.level <= SHADOW_LEVEL


def _autonomous(autonomy: Autonomy) -> Aspect:
    """Whether anything may be done without asking, and which limit is the lowest."""
    if autonomy.stopped:
        return Aspect("Autonomous", False, "Stopped", f"{autonomy.stopped}. Nothing is written until that is lifted.")
    return Aspect("Autonomous", autonomy.level > AFTER_APPROVAL, autonomy.reason, f"{autonomy.message}.")


def _matched(intents: int, unmatched: Sequence[str]) -> Aspect:
    if intents == 0:
        return Aspect(
            "Matched",
            False,
            "NoIntents",
            "No ServiceIntent in this namespace is selected: compare spec.intentSelector.",
        )
    if unmatched:
        return Aspect(
            "Matched",
            False,
            "TriggersMatchNothing",
            f"No matched intent has the expectation of: {', '.join(unmatched)}. These triggers never fire.",
        )
    return Aspect("Matched", True, "Matched", f"for {intents} intent{'s' if intents != 1 else ''}")


def _policy_summary(
    spec: RemediationPolicySpec | None,
    refusal: Refusal | None,
    matched: Aspect,
    outcomes: Outcomes,
    not_acted: NotActed | None,
    autonomy: Autonomy | None,
) -> str:
    parts = [f"{refusal.reason}: {refused(refusal)}"] if refusal is not None else []
    if spec is not None:
        parts.append(matched.message if matched.holds else matched.reason)
        counts = {
            "effective": outcomes.effective,
            "ineffective": outcomes.ineffective,
            "worse": outcomes.worse,
            "inconclusive": outcomes.inconclusive,
            "without capacity": outcomes.no_capacity,
            "failed": outcomes.failed,
            "called right": outcomes.right,
            "called wrong": outcomes.wrong,
            "called unneeded": outcomes.unneeded,
        }
        parts += [f"{count} {name}" for name, count in counts.items() if count]
        if autonomy is not None and autonomy.stopped:
            parts.append(f"stopped: {autonomy.stopped}")
        elif autonomy is not None and autonomy.reason != Limit.POLICY:
            parts.append(autonomy.message)
        if not_acted is not None:
            parts.append(f"last did nothing: {not_acted.reason}")
    return "; ".join(parts) or "not in force"


def source_status(
    previous: TelemetrySourceStatus,
    *,
    generation: int,
    at: datetime,
    refusal: Refusal | None,
    answers: bool | None,
    reason: str = "",
    message: str = "",
) -> TelemetrySourceStatus:
    """State of a source; ``answers`` None: it was not asked yet, False: why stands in reason and message."""
    if refusal is not None:
        said = refused(refusal)
        aspects = [Aspect("Ready", False, refusal.reason, said), Aspect("Stalled", True, refusal.reason, said)]
        line = f"{refusal.reason}: {said}"
    elif answers is None:
        aspects = [Aspect("Ready", None, Unknown.NOT_YET_OBSERVED, "It was not asked yet.")]
        line = "not asked yet"
    elif answers:
        aspects, line = [Aspect("Ready", True, "Answers", message or "It answers.")], "answers"
    else:
        word = reason or Unknown.SOURCE_DOWN
        aspects, line = [Aspect("Ready", False, word, message)], f"{word}: {message}".rstrip(": ")
    return TelemetrySourceStatus(
        observed_generation=generation,
        conditions=conditions(previous.conditions, aspects, generation, at),
        summary=clip(line, LONGEST_SUMMARY),
    )
