"""State of a promise as a value: conditions, numbers of the last transition, one line for people (pure)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from homeostat.contracts.expectation import ConditionOperator, Expectation
from homeostat.contracts.remediation import Remediation
from homeostat.contracts.service_intent import (
    AdminState,
    Episode,
    ExpectationStateName,
    ExpectationStatus,
    Fulfilment,
    ServiceIntentSpec,
    ServiceIntentStatus,
)
from homeostat.flow.facts import Assessment, Track, Unknown
from homeostat.flow.holds import Hold
from homeostat.flow.resources import Refusal
from homeostat.flow.wording import clip, observed_text, promise_text
from homeostat.record.aspects import LONGEST_MESSAGE, LONGEST_SUMMARY, Aspect, conditions, held, refused
from homeostat.record.report import summary as record_summary

_NOT_OF_TELEMETRY = frozenset({Unknown.NOT_YET_OBSERVED, Unknown.TOO_FEW_EVENTS, Unknown.NO_READY_PODS})
"""Reasons for an unknown value that are no fault of the telemetry."""


_BROKEN_SIGNS = {
    ConditionOperator.IS_EQUAL_TO: "!=",
    ConditionOperator.IS_LESS_THAN: ">=",
    ConditionOperator.IS_GREATER_THAN: "<=",
    ConditionOperator.IS_EQUAL_TO_OR_LESS_THAN: ">",
    ConditionOperator.IS_EQUAL_TO_OR_GREATER_THAN: "<",
}


def intent_status(
    previous: ServiceIntentStatus,
    *,
    spec: ServiceIntentSpec | None,
    generation: int,
    at: datetime,
    assessment: Assessment | None,
    refusal: Refusal | None,
    episode: Episode | None,
    record: Remediation | None,
    record_lost: str = "",
    hold: Hold | None = None,
) -> ServiceIntentStatus:
    """State of a promise.

    ``spec`` is the version in force, which outlives a refused edit; ``assessment`` None: not looked at since
    the start, so that what was last seen stands; ``record`` is the remediation of the episode, ``record_lost`` the name
    of one that is gone; ``hold`` is what people hold back. Numbers are those of the last transition: a
    value that moves within the same state changes nothing here.
    """
    expectations = _expectations(previous, spec, assessment)
    fulfilment = (assessment or previous).fulfilment if expectations else Fulfilment.UNKNOWN
    aspects = [
        *_readiness(spec, bool(expectations), refusal),
        _fulfilled(fulfilment, expectations),
        _telemetry(expectations),
        _remediating(record, record_lost),
        held(hold),
    ]
    return ServiceIntentStatus(
        observed_generation=generation,
        fulfilment=fulfilment,
        summary=clip(_intent_summary(spec, expectations, refusal, aspects[-2], hold), LONGEST_SUMMARY),
        conditions=conditions(previous.conditions, aspects, generation, at),
        expectations=expectations,
        episode=episode,
    )


def _expectations(
    previous: ServiceIntentStatus, spec: ServiceIntentSpec | None, assessment: Assessment | None
) -> list[ExpectationStatus]:
    if spec is None or spec.admin_state is AdminState.DEACTIVATED:
        return []
    known = {expectation.name: expectation for expectation in previous.expectations}
    promises = {expectation.name: expectation for expectation in spec.expectations}
    if assessment is None:
        return [known[name] for name in promises if name in known]
    return [
        _expectation(known.get(name), promises[name], track)
        for name, track in assessment.tracks.items()
        if name in promises
    ]


def _expectation(known: ExpectationStatus | None, promise: Expectation, track: Track) -> ExpectationStatus:
    since = _milliseconds(track)
    if known is not None and (known.state, known.reason, known.since) == (track.state, track.reason, since):
        return known
    last = track.looks[-1] if track.looks else None
    value = last.reading.value if last else None
    return ExpectationStatus(
        name=promise.name,
        state=track.state,
        reason=track.reason,
        message=clip(track.message or _worded(promise, track, value), LONGEST_MESSAGE),
        observed=observed_text(value, promise) if value is not None else "",
        since=since,
        as_of=(last.reading.as_of or last.at) if last and value is not None else None,
    )


def _milliseconds(track: Track) -> datetime | None:
    """Since when, as precise as a status can say it."""
    return track.since and track.since.replace(microsecond=track.since.microsecond // 1000 * 1000)


def _worded(promise: Expectation, track: Track, value: float | None) -> str:
    if value is None:
        return ""
    breaching = sum(look.met is False for look in track.looks[-promise.sustain.of :])
    looks = f" ({breaching} of {promise.sustain.of} looks)" if track.state is ExpectationStateName.VIOLATED else ""
    return f"{promise.name} {observed_text(value, promise)}, promised {promise_text(promise)}{looks}"


def _readiness(spec: ServiceIntentSpec | None, looked_at: bool, refusal: Refusal | None) -> Iterable[Aspect]:
    """Ready, and what kstatus and Argo CD read: Stalled needs a person, Reconciling needs time."""
    if refusal is not None:
        in_force = " The last good version stays in force." if looked_at else ""
        message = refused(refusal) + in_force
        return [Aspect("Ready", False, refusal.reason, message), Aspect("Stalled", True, refusal.reason, message)]
    if spec is not None and spec.admin_state is AdminState.DEACTIVATED:
        message = "spec.adminState is Deactivated: not evaluated, nothing is done."
        return [Aspect("Ready", False, "Deactivated", message)]
    if not looked_at:
        message, reason = "It was read; the first look is to come.", Unknown.NOT_YET_OBSERVED
        return [Aspect("Ready", None, reason, message), Aspect("Reconciling", True, reason, message)]
    return [Aspect("Ready", True, "Evaluating", "It is being evaluated.")]


def _of(expectations: Sequence[ExpectationStatus], state: ExpectationStateName) -> list[ExpectationStatus]:
    return [expectation for expectation in expectations if expectation.state is state]


def _fulfilled(fulfilment: Fulfilment, expectations: Sequence[ExpectationStatus]) -> Aspect:
    violated = _of(expectations, ExpectationStateName.VIOLATED)
    unknown = _of(expectations, ExpectationStateName.UNKNOWN)
    if fulfilment is Fulfilment.FULFILLED:
        return Aspect("Fulfilled", True, "AllMet", "Every promise is kept.")
    if fulfilment is Fulfilment.NOT_FULFILLED:
        reason = "ExpectationViolated" if violated else "NoData"
        return Aspect("Fulfilled", False, reason, _joined(violated or unknown))
    reason = unknown[0].reason if unknown else ""
    return Aspect("Fulfilled", None, reason or Unknown.NOT_YET_OBSERVED, _joined(unknown))


def _joined(expectations: Sequence[ExpectationStatus]) -> str:
    return "; ".join(e.message or f"{e.name} is {e.state} {e.reason}".strip() for e in expectations)


def _telemetry(expectations: Sequence[ExpectationStatus]) -> Aspect:
    unknown = _of(expectations, ExpectationStateName.UNKNOWN)
    missing = [expectation for expectation in unknown if expectation.reason not in {"", *_NOT_OF_TELEMETRY}]
    if missing:
        message = f"{_joined(missing)}. Nothing is done without data."
        return Aspect("TelemetryAvailable", False, missing[0].reason, message)
    if not expectations or unknown:
        reason = unknown[0].reason if unknown else ""
        return Aspect("TelemetryAvailable", None, reason or Unknown.NOT_YET_OBSERVED, _joined(unknown))
    return Aspect("TelemetryAvailable", True, "Fresh", "Every promise has fresh and complete data.")


def _remediating(record: Remediation | None, record_lost: str) -> Aspect:
    if record_lost:
        message = f"the record {record_lost} is gone: nothing is done for this episode, a person must look"
        return Aspect("Remediating", None, "RecordLost", message)
    if record is None:
        return Aspect("Remediating", False, "NothingToDo", "No remediation is open.")
    return Aspect("Remediating", True, record.status.phase, record_summary(record))


def _intent_summary(
    spec: ServiceIntentSpec | None,
    expectations: Sequence[ExpectationStatus],
    refusal: Refusal | None,
    remediating: Aspect,
    hold: Hold | None,
) -> str:
    if spec is not None and spec.admin_state is AdminState.DEACTIVATED:
        return "deactivated"
    parts = [f"{refusal.reason}: {refused(refusal)}"] if refusal is not None else []
    if spec is not None and expectations:
        parts.append(_promises(spec, expectations))
    if remediating.holds is not False:
        parts.append(remediating.message)
    elif hold is not None:
        parts.append(hold.message)
    return "; ".join(parts) or "not looked at yet"


def _broken(promise: Expectation) -> str:
    """The promise as it looks when broken: ``< 0.98``, ``not within 1 to 2``."""
    sign = _BROKEN_SIGNS.get(promise.condition)
    return f"{sign} {promise.value}" if sign else f"not {promise_text(promise)}"


def _promises(spec: ServiceIntentSpec, expectations: Sequence[ExpectationStatus]) -> str:
    """The worst that can be said, in as few words as it takes."""
    promises: Mapping[str, Expectation] = {expectation.name: expectation for expectation in spec.expectations}
    violated = _of(expectations, ExpectationStateName.VIOLATED)
    unknown = _of(expectations, ExpectationStateName.UNKNOWN)
    if violated:
        more = f" and {len(violated) - 1} more" if len(violated) > 1 else ""
        return f"{violated[0].name} {violated[0].observed} {_broken(promises[violated[0].name])}".strip() + more
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        return f"{unknown[0].name} unknown: {unknown[0].reason or Unknown.NOT_YET_OBSERVED}{more}"
    if len(expectations) == 1:
        only = expectations[0]
        return f"{only.name} {only.observed}, promised {promise_text(promises[only.name])}"
    return f"all {len(expectations)} promises kept"
