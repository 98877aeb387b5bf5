"""The decision in sentences for a person."""

from collections.abc import Sequence
from datetime import datetime

from homeostat.contracts.actions.kinds import Reversal
from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import Candidate, CandidateVerdict
from homeostat.flow.wording import clip, format_time

_ADVICE = {
    "TelemetryFault": "Bring the telemetry back first; see the TelemetrySource's conditions and the pods' metrics.",
    "CauseNotSupported": "Look into the evidence, and act by hand or add a cause and a step for it to the policy.",
    "OtherTarget": "Add a step for that target to the policy, or act by hand.",
    "RepeatLimit": "What the policy allows was tried; a person must look.",
    "AlreadyTried": "What the policy allows was tried; a person must look.",
    "AlreadyThere": "The remedy is in place and the promise is still broken; a person must look.",
    "IfFalse": "It is decided again while the promise is broken; otherwise act by hand, or change the step's if.",
    "IfUnknown": "Bring the missing data back, or act by hand: what is not known never counts as true.",
    "Never": "Act by hand, or change boundaries.never if this is to be allowed.",
    "NeverByCeiling": "Act by hand, or ask an administrator: AutonomyCeiling cluster forbids it.",
    "LevelTooLow": "Act by hand, or raise what the level is limited by.",
    "RateExceeded": "It is decided again when fewer acts were made of late in the whole cluster.",
    "TargetManagedBy": "Change the bounds of whoever scales it, or take that out of the way.",
    "TargetMissing": "Check that the intent's target exists.",
    "CoolingDown": "It is decided again once the rest is over.",
    "TargetBusy": "It is decided again once the other remediation has ended.",
    "TooFrequent": "So many acts in so short a time do not solve it; a person must look.",
    "OutOfBounds": "Raise guardrails.replicas if that is safe, or act by hand.",
    "StepTooLarge": "Make the step smaller, or raise guardrails.largestStep.",
    "RecordsIncomplete": "It is decided again once the API server answers.",
    "Stopped": "It is decided again once the stop is lifted; until then act by hand.",
    "StopUnreadable": "Correct or remove the annotation; until then act by hand.",
    "Paused": "It is decided again once the pause is over; to end it now: kubectl homeostat resume.",
    "PauseUnreadable": "Correct or remove the annotation; until then act by hand.",
    "UnderMaintenance": "It is decided again once the work is over and has settled.",
    "SettlingAfterMaintenance": "It is decided again then, if the promise is still broken.",
    "MaintenanceUnreadable": "Correct or remove what tells of it; until then act by hand.",
    "HoldsUnknown": "It is decided again once the API server answers.",
    "FrequencyUnset": "Set guardrails.frequency in the policy.",
}
_LEAST_TELLING = ("CauseNotSupported", "AlreadyTried", "HeldBehind")


def most_telling(candidates: Sequence[Candidate]) -> Candidate:
    """Why nothing can be done: the first blocked step, else the first that another reason than its cause rules out."""
    blocked = [c for c in candidates if c.verdict is CandidateVerdict.BLOCKED]
    telling = [c for c in candidates if c.reason not in _LEAST_TELLING]
    return (blocked or telling or [c for c in candidates if c.reason == "CauseNotSupported"] or candidates)[0]


def why_nothing(candidates: Sequence[Candidate]) -> str:
    """What was considered and why not, and what a person can do."""
    considered = "; ".join(f"{c.step}: {c.message} ({c.reason})" for c in candidates)
    advice = _ADVICE.get(most_telling(candidates).reason, "A person must look.")
    return clip(f"Nothing is done. {advice} Considered: {considered}.")


def _terms(plan: Plan, *more: str) -> str:
    lasting = ["cannot be taken back"] if plan.reversal is Reversal.IMPOSSIBLE else []
    return ", ".join([f"step {plan.step}", f"risk {plan.risk}", *more, *lasting])


def would_have(plan: Plan, *, asks: bool) -> str:
    """What Live would do."""
    first = "would have asked for approval to do this" if asks else "would have done this"
    return clip(f"In Shadow nothing is done; Live {first}: {plan.description} ({_terms(plan)}).")


def asks(plan: Plan, until: datetime | None) -> str:
    """What a person is asked, and how to answer."""
    limit = f" until {format_time(until)} UTC" if until else ""
    return clip(
        f"Waits for approval{limit}: {plan.description} ({_terms(plan)}). Approve or reject it by "
        f"an entry in spec.decisions with planDigest {plan.digest}; if nobody answers, nothing is done."
    )


def acts(plan: Plan, *, approved: bool) -> str:
    """What is about to be done, and on whose authority."""
    authority = "approved by a person" if approved else "within the policy's autonomous boundary"
    return clip(f"About to act: {plan.description} ({_terms(plan, authority)}).")
