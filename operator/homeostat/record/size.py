"""Keeps a record within its size, and makes it say what was left out (pure).

A record lies in etcd and in every watcher's memory: 64 KiB at most. What the judgement and the undo need is never cut.
"""

import json
from typing import Any

from pydantic import BaseModel

from homeostat.contracts.remediation import Evidence, RemediationSpec, RemediationStatus, Says

LARGEST_RECORD = 64 * 1024
"""Bytes of JSON that spec and status may have together."""

RESERVED_FOR_STATUS = 24 * 1024
"""Bytes that a new record leaves free for what is still to happen."""

_SHORTEST_REPORT = 12


def to_json(part: BaseModel, *, only_set: bool = False) -> dict[str, Any]:
    """Give a part of a resource as the API server takes it: absent instead of null.

    ``only_set`` leaves out defaults that nobody wrote.
    """
    return part.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=only_set)


def size(part: BaseModel) -> int:
    """Bytes of a part as compact JSON."""
    return len(json.dumps(to_json(part), separators=(",", ":"), ensure_ascii=False).encode())


def fit_spec(spec: RemediationSpec, largest: int = LARGEST_RECORD - RESERVED_FOR_STATUS) -> RemediationSpec:
    """Leave out evidence, the least important (last) first, until the spec fits; a last entry says how much."""
    if size(spec) <= largest:
        return spec
    kept = list(spec.evidence)
    while kept:
        kept.pop()
        left_out = len(spec.evidence) - len(kept)
        cut = spec.model_copy(update={"evidence": [*kept, _notice(left_out)]})
        if size(cut) <= largest:
            return cut
    return spec.model_copy(update={"evidence": [_notice(len(spec.evidence))] if spec.evidence else []})


def fit_status(status: RemediationStatus, largest: int) -> RemediationStatus:
    """Shorten the report, then the reasons of candidates, until the status fits; operations are never cut."""
    if size(status) <= largest:
        return status
    if len(status.report) > _SHORTEST_REPORT:
        notice = "(cut: the record is at its largest size; the fields of spec and status hold the facts)"
        status = status.model_copy(update={"report": [*status.report[: _SHORTEST_REPORT - 1], notice]})
    if size(status) <= largest:
        return status
    return status.model_copy(update={"candidates": [c.model_copy(update={"message": ""}) for c in status.candidates]})


def _notice(left_out: int) -> Evidence:
    return Evidence(
        name="left-out",
        cause="",
        says=Says.UNKNOWN,
        message=f"{left_out} observations were left out: a record holds at most {LARGEST_RECORD // 1024} KiB.",
    )
