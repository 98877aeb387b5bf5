"""The kubectl commands that a person could have typed for an operation, and those that take it back (pure).

Commands are worded for the namespace and kind at hand, quoted for a POSIX shell.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from homeostat.contracts.operations import Operation, OperationAction, Plan, TargetIdentity
from homeostat.contracts.remediation import RemediationSpec
from homeostat.contracts.service_intent import HotReload
from homeostat.flow.field_changes import Values, read_values, value_changes, values_text
from homeostat.flow.field_paths import is_through_lists, tokens_of, with_values
from homeostat.flow.merge_patch import merge_difference

_MOST_WORDED = 3
"""Operations that are worded in one sentence; the record words all."""

_SHORT_GROUPS = frozenset({"v1", "apps/v1"})
"""Groups whose kinds kubectl knows by their bare name."""


@dataclass(frozen=True, slots=True)
class Commands:
    """The command that does what an operation did, and the one that takes it back; empty where there is none."""

    do: str
    undo: str


def by_hand(namespace: str, operations: Sequence[Operation], spec: RemediationSpec) -> str:
    """What was done as a person would have typed it, and what takes it back; empty where nothing was done."""
    worded = [commands(namespace, operation, spec) for operation in operations[:_MOST_WORDED]]
    more = len(operations) - len(worded)
    did = "; ".join(c.do for c in worded) + (f"; and {more} more in the record" if more else "")
    back = "; ".join(c.undo for c in reversed(worded) if c.undo)
    return f"By hand: {did}. Back: {back or 'not possible'}." if worded else ""


def approve_commands(namespace: str, name: str, plan: Plan) -> tuple[str, ...]:
    """The command that approves a plan, and the same for plain kubectl."""
    entry = f'{{"id":"approve-{plan.digest[:8]}","type":"Approve","by":"YOUR-USER-NAME","planDigest":"{plan.digest}"}}'
    return (
        f"kubectl homeostat approve {name} -n {namespace} --plan {plan.digest[:8]}",
        f"kubectl patch remediation {name} -n {namespace} --type=json -p \\",
        f'\'[{{"op":"add","path":"/spec/decisions/-","value":{entry}}}]\'',
    )


def commands(namespace: str, operation: Operation, spec: RemediationSpec) -> Commands:  # noqa: PLR0911 - one for each action
    """Word one operation as commands."""
    target = f"{_resource(operation.target)} -n {shlex.quote(namespace)}"
    match operation.action:
        case OperationAction.SCALE:
            return Commands(
                f"kubectl scale {target} --replicas={operation.intended}",
                f"kubectl scale {target} --replicas={operation.before}",
            )
        case OperationAction.EDIT_CONFIG:
            where = operation.field
            return Commands(
                f"kubectl edit {target}   # {where}: {operation.before} -> {operation.intended}",
                f"kubectl edit {target}   # {where}: {operation.intended} -> {operation.before}",
            )
        case OperationAction.RESTART:
            return Commands(f"kubectl rollout restart {target}", "")
        case OperationAction.HOT_RELOAD:
            return Commands(_reload(namespace, _hot_reload(operation, spec)), "")
        case OperationAction.PATCH:
            before, after = read_values(operation.before), read_values(operation.intended)
            return Commands(_patch(target, before, after), _patch(target, after, before))
        case OperationAction.MARK_FOR_REMOVAL:
            key = "controller.kubernetes.io/pod-deletion-cost"
            return Commands(
                f"kubectl annotate {target} {key}={operation.intended} --overwrite",
                f"kubectl annotate {target} {key}={operation.before} --overwrite"
                if operation.before
                else f"kubectl annotate {target} {key}-",
            )
        case OperationAction.RESIZE:
            return Commands(
                _resize(operation, target, operation.before, operation.intended),
                _resize(operation, target, operation.intended, operation.before),
            )
        case OperationAction.ROLLBACK:
            return Commands(_roll_back(target, operation.intended), _roll_back(target, operation.before))


def _patch(target: str, before: Values, after: Values) -> str:
    """A merge patch; kubectl has no way to name an item of a list by what it holds, so there an edit."""
    if any(is_through_lists(path) for path in after):
        return f"kubectl edit {target}   # {', '.join(map(str, value_changes(before, after)))}"
    old, new = (with_values({}, {tokens_of(path): v for path, v in values.items()}) for values in (before, after))
    patch = merge_difference(old, new)
    return f"kubectl patch {target} --type=merge -p {shlex.quote(values_text(patch))}"


def _resource(target: TargetIdentity) -> str:
    group, _, _ = target.api_version.rpartition("/")
    kind = target.kind.lower() if target.api_version in _SHORT_GROUPS else f"{target.kind.lower()}.{group}"
    return shlex.quote(f"{kind}/{target.name}")


def _resize(operation: Operation, target: str, before: str, after: str) -> str:
    """A record names ``spec.containers[NAME].resources``, and quantities as ``limits.cpu=500m,requests.cpu=250m``."""
    container = operation.field.partition("[")[2].partition("]")[0]
    resources: dict[str, dict[str, str]] = {}
    for place, quantity in (pair.split("=", 1) for pair in after.split(",")):
        side, _, resource = place.partition(".")
        resources.setdefault(side, {})[resource] = quantity
    if operation.target.kind == "Pod":
        patch = json.dumps({"spec": {"containers": [{"name": container, "resources": resources}]}})
        return f"kubectl patch {target} --subresource=resize --patch {shlex.quote(patch)}"
    if operation.target.api_version not in _SHORT_GROUPS:
        return f"kubectl edit {target}   # {operation.field}: {before} -> {after}"
    flags = (f"--{side}={','.join(f'{r}={q}' for r, q in given.items())}" for side, given in resources.items())
    return f"kubectl set resources {target} --containers={container} {' '.join(flags)}"


def _roll_back(target: str, revision: str) -> str:
    return f"kubectl rollout undo {target} --to-revision={revision.removeprefix('revision ')}"


def _hot_reload(operation: Operation, spec: RemediationSpec) -> HotReload | None:
    of_target = (
        t for t in spec.promise.targets if (t.ref.kind, t.ref.name) == (operation.target.kind, operation.target.name)
    )
    target = next(of_target, None)
    return target.hot_reload if target else None


def _reload(namespace: str, reload: HotReload | None) -> str:
    where = f":{reload.port}/proxy{reload.reload_path}" if reload else ":PORT/proxy/RELOAD-PATH"
    path = f"/api/v1/namespaces/{namespace}/pods/POD{where}"
    return f"kubectl create --raw {shlex.quote(path)} -f /dev/null   # for each POD"
