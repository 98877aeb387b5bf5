"""One guarded write, and what becomes of it when it loses a race, is refused, or gets no answer."""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from homeostat.act.preflight import describe
from homeostat.contracts.operations import OperationState, TargetIdentity
from homeostat.flow.facts import Receipt
from homeostat.flow.ports import Cluster, ConflictError, KubernetesError, PlanStaleError, Written

Write = Callable[[], Awaitable[Written]]
"""Sends the one request that has the effect, under the preconditions of the read that it was prepared on."""

Prepare = Callable[[], Awaitable[Write | Receipt]]
"""Checks the preconditions on a live read; gives the write that is bound to that read, or why there is none."""

Look = Callable[[], Awaitable[Receipt]]
"""Reads whether the effect happened."""

_FORBIDDEN = 403
_NO_RIGHT = re.compile(r"\bcannot [a-z]+ resource\b")
"""Source: Kubernetes, apiserver/pkg/endpoints/handlers/responsewriters, ForbiddenStatusError."""
_CLIENT_ERRORS = range(400, 500)
_WEBHOOK_FAILED = "failed calling webhook"
_RACES = 5
_LOST_ANSWERS = 2


def patching(
    cluster: Cluster, namespace: str, target: TargetIdentity, patch: Mapping[str, Any], subresource: str = ""
) -> Write:
    """The write of a merge patch, which carries the resourceVersion that was read."""
    return partial(cluster.merge_patch, target.api_version, target.kind, namespace, target.name, patch, subresource)


async def send(
    target: TargetIdentity, prepare: Prepare, look: Look, *, verb: str = "patch", subresource: str = ""
) -> Receipt:
    """Check and write, until one write has taken effect or surely none will.

    A conflict changes nothing, and most are only a status that moved: the preconditions are checked anew, and hold or
    do not. When no answer comes, the target is looked at; only if it shows that nothing happened is there one more
    write. The lost one cannot follow it: one of the two has an old resourceVersion by then.
    """
    lost: list[str] = []
    for _ in range(_RACES):
        prepared = await _prepared(target, prepare, look if lost else None)
        if isinstance(prepared, Receipt):
            return prepared
        try:
            written = await prepared()
        except ConflictError:
            continue
        except KubernetesError as error:
            if error.status in _CLIENT_ERRORS or _WEBHOOK_FAILED in error.message:
                return _refused(target, error, verb, subresource)
            lost.append(error.message)
        else:
            return Receipt(OperationState.APPLIED, audit_id=written.audit_id)
        seen = await _look(look)
        if seen.state is not OperationState.INTENDED or len(lost) == _LOST_ANSWERS:
            return _unknown(target, lost[-1]) if seen.state is OperationState.INTENDED else seen
    return Receipt(
        OperationState.VOID,
        message=f"{describe(target)} changed {_RACES} times between check and write; nothing was changed",
    )


async def _prepared(target: TargetIdentity, prepare: Prepare, look: Look | None) -> Write | Receipt:
    try:
        prepared = await prepare()
    except PlanStaleError as stale:
        prepared = Receipt(OperationState.VOID, message=f"{stale}; nothing was changed")
    except KubernetesError as error:
        message = f"{describe(target)} could not be checked ({error.message}); nothing was changed"
        prepared = Receipt(OperationState.VOID, message=message)
    if look is not None and isinstance(prepared, Receipt) and prepared.state is OperationState.VOID:
        return await _look(look)  # an earlier write got no answer, so that nothing was changed is not sure
    return prepared


async def _look(look: Look) -> Receipt:
    try:
        return await look()
    except KubernetesError as error:
        return Receipt(
            OperationState.UNKNOWN, message=f"No answer came to the change, and it could not be looked up: {error}"
        )


def _unknown(target: TargetIdentity, lost: str) -> Receipt:
    return Receipt(
        OperationState.UNKNOWN,
        message=f"No answer came to the change of {describe(target)} ({lost}); it may still take effect. "
        "Look at the object before doing anything by hand.",
    )


def lacks_right(error: KubernetesError) -> bool:
    """Whether it is a right that is missing: quota, the node's room and admission refuse with the same status."""
    return error.status == _FORBIDDEN and _NO_RIGHT.search(error.message) is not None


def _refused(target: TargetIdentity, error: KubernetesError, verb: str, subresource: str) -> Receipt:
    what = f"{describe(target)}{'/' + subresource if subresource else ''}"
    hint = f" Grant the operator's account the verb {verb} on it." if lacks_right(error) else ""
    return Receipt(
        OperationState.VOID,
        message=f"The API server refused to change {what}; nothing was changed: {error.message}.{hint}",
    )
