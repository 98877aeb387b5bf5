"""Whether people hold the operator back, read from what they wrote (pure).

Spans of time are half-open: at the very moment of its end a pause or a piece of planned work is over.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from homeostat.contracts.annotations import (
    MAINTENANCE_CHANGE,
    MAINTENANCE_UNTIL,
    PAUSED_REASON,
    PAUSED_UNTIL,
    STOPPED,
    STOPPED_REASON,
)
from homeostat.contracts.common import FIELD_MANAGER, ObjectRef, parse_duration
from homeostat.contracts.maintenance_window import MaintenanceWindowSpec
from homeostat.flow.holds import Hold, HoldKind, HoldReason, Marked
from homeostat.flow.wording import clip

_RFC_3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_EXAMPLE = "2026-11-22T22:00:00Z"
_QUOTED = 120
"""Characters of what a person wrote that a message repeats."""

_PROGRESS_DEADLINE = timedelta(seconds=600)
"""After so long a rollout that does not end is no planned work any more (Kubernetes: progressDeadlineSeconds)."""


def moment(text: str) -> datetime | None:
    """A moment in UTC as RFC 3339 writes it, with its offset; None where the text is no such moment."""
    if not _RFC_3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def told(at: datetime) -> str:
    """A moment as a person may write it back."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def switches(marked: Marked, now: datetime) -> Iterator[Hold]:
    """The stop and the pause of an object; a value that cannot be read counts as set."""
    stopped, paused = marked.annotations.get(STOPPED), marked.annotations.get(PAUSED_UNTIL)
    if stopped is not None and stopped != "false":
        yield _stop(marked, stopped)
    if paused is not None:
        until = moment(paused)
        if until is None:
            yield _unreadable(marked, PAUSED_UNTIL, HoldKind.PAUSE, HoldReason.PAUSE_UNREADABLE, "paused")
        elif now < until:
            why = _why(marked, PAUSED_UNTIL, PAUSED_REASON)
            yield Hold(HoldKind.PAUSE, HoldReason.PAUSED, f"{marked.what} is paused until {told(until)}{why}", until)


def _stop(marked: Marked, value: str) -> Hold:
    lift = f"lift it with: kubectl homeostat resume {marked.name}"
    if value == "true":
        message = f"{marked.what} is stopped{_why(marked, STOPPED, STOPPED_REASON)}; {lift}"
        return Hold(HoldKind.STOP, HoldReason.STOPPED, message)
    message = f'{STOPPED} of {marked.what} is "{clip(value, _QUOTED)}", not true or false: it counts as stopped; {lift}'
    return Hold(HoldKind.STOP, HoldReason.STOP_UNREADABLE, message)


def _unreadable(marked: Marked, annotation: str, kind: HoldKind, reason: HoldReason, counts_as: str) -> Hold:
    value = clip(marked.annotations[annotation], _QUOTED)
    message = (
        f'{annotation} of {marked.what} is "{value}", not a moment such as {_EXAMPLE}: '
        f"it counts as {counts_as} until it is corrected or removed"
    )
    return Hold(kind, reason, message)


def _why(marked: Marked, annotation: str, reason: str) -> str:
    parts = [clip(marked.annotations.get(reason, ""), _QUOTED), marked.by.get(annotation, "")]
    known = "; ".join(part for part in parts if part)
    return f" ({known})" if known else ""


def annotated_work(marked: Marked, now: datetime, settle: timedelta) -> Iterator[Hold]:
    """Planned work that an annotation tells of; a value that cannot be read counts as work without an end."""
    value = marked.annotations.get(MAINTENANCE_UNTIL)
    if value is None:
        return
    until = moment(value)
    if until is None:
        reason = HoldReason.MAINTENANCE_UNREADABLE
        yield _unreadable(marked, MAINTENANCE_UNTIL, HoldKind.MAINTENANCE, reason, "under maintenance")
        return
    change = clip(marked.annotations.get(MAINTENANCE_CHANGE, ""), 64) or "without a change id"
    by = marked.by.get(MAINTENANCE_UNTIL, "")
    yield from _work(f"planned work {change} on {marked.what}{f' ({by})' if by else ''}", until, now, settle)


def _work(what: str, until: datetime, now: datetime, settle: timedelta, *, is_rollout: bool = False) -> Iterator[Hold]:
    if now < until:
        message = f"{what} goes on until {told(until)}"
        yield Hold(HoldKind.MAINTENANCE, HoldReason.UNDER_MAINTENANCE, message, until + settle, is_rollout)
    elif now < until + settle:
        message = f"{what} ended at {told(until)}; what it touched may settle until {told(until + settle)}"
        yield Hold(HoldKind.MAINTENANCE, HoldReason.SETTLING, message, until + settle, is_rollout)


def concerns(
    window: MaintenanceWindowSpec, intent: str, labels: Mapping[str, str], targets: Iterable[ObjectRef]
) -> bool:
    """Whether planned work is on an intent itself or on one of its targets; an empty selection is on nothing."""
    chosen = window.intents
    if chosen is not None and (chosen.match_names or chosen.match_labels):
        by_name = not chosen.match_names or intent in chosen.match_names
        if by_name and all(labels.get(key) == value for key, value in chosen.match_labels.items()):
            return True
    worked_on = {_place(ref) for ref in window.workloads}
    return any(_place(ref) in worked_on for ref in targets)


def _place(ref: ObjectRef) -> tuple[str, str, str]:
    """The same object in whatever version of its group."""
    return ref.api_version.rpartition("/")[0], ref.kind, ref.name


def window_work(
    name: str, window: MaintenanceWindowSpec, since: datetime, now: datetime, settle: timedelta
) -> Iterator[Hold]:
    """The planned work of a window, if it went on or settled at any moment from ``since`` to now."""
    if now < window.from_:
        return
    what = f"planned work {window.change_id} (MaintenanceWindow {name}{f': {window.reason}' if window.reason else ''})"
    own = parse_duration(window.settle) if window.settle is not None else settle
    yield from _work(what, window.to, max(window.from_, min(since, now)), own)


def rollout(
    body: Mapping[str, Any], rolled_by: str, began: datetime | None, now: datetime, settle: timedelta
) -> Iterator[Hold]:
    """A rollout of a Deployment or StatefulSet that others began, or one of a Deployment that has just ended.

    ``rolled_by`` is the field manager that last wrote the pod template, and ``began`` when. A rollout by the operator
    is no planned work; one that does not end within its progress deadline is none any more.
    """
    if rolled_by in {"", FIELD_MANAGER} or not body.get("apiVersion", "").startswith("apps/"):
        return
    what = f"the rollout of {body['kind']} {body['metadata']['name']} by {rolled_by}"
    if body["kind"] == "Deployment":
        yield from _deployment(what, body, now, settle)
    elif body["kind"] == "StatefulSet" and began is not None and now - began < _PROGRESS_DEADLINE:
        yield from _stateful_set(what, body)


def _deployment(what: str, body: Mapping[str, Any], now: datetime, settle: timedelta) -> Iterator[Hold]:
    status = body.get("status") or {}
    replicas, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    conditions = status.get("conditions") or ()
    progressing: Mapping[str, Any] = next((c for c in conditions if c.get("type") == "Progressing"), {})
    if updated < replicas and progressing.get("reason") != "ProgressDeadlineExceeded":
        yield _rolling(what, replicas, updated)
    elif _had_another_template(body) and progressing.get("reason") == "NewReplicaSetAvailable":
        ended = moment(progressing.get("lastUpdateTime", ""))
        if ended is not None:
            yield from _work(what, ended, now, settle, is_rollout=True)


def _had_another_template(body: Mapping[str, Any]) -> bool:
    """Whether a Deployment was ever changed; what was only just created has not been worked on."""
    annotations = body["metadata"].get("annotations") or {}
    return bool(annotations.get("deployment.kubernetes.io/revision", "1") != "1")


def _stateful_set(what: str, body: Mapping[str, Any]) -> Iterator[Hold]:
    """Pods below the partition are meant to stay as they are; with OnDelete nothing moves by itself."""
    status, strategy = body.get("status") or {}, (body.get("spec") or {}).get("updateStrategy") or {}
    replicas, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    meant = replicas - (strategy.get("rollingUpdate") or {}).get("partition", 0)
    is_moving = status.get("currentRevision") != status.get("updateRevision") and strategy.get("type") != "OnDelete"
    if is_moving and updated < meant:
        yield _rolling(what, replicas, updated)


def _rolling(what: str, replicas: int, updated: int) -> Hold:
    message = f"{what} is in progress: {updated} of {replicas} pods are new"
    return Hold(HoldKind.MAINTENANCE, HoldReason.UNDER_MAINTENANCE, message, is_rollout=True)
