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


def commands(namespace: str, operation: Operation, spec: RemediationSpec) -> Commands:
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
        case OperationAction.EVICT:
            return Commands(_evict(namespace, operation.target.name), "")
        case OperationAction.MARK_FOR_REMOVAL:
            key = "controller.kubernetes.io/pod-deletion-cost"
            return Commands(
                f"kubectl annotate {target} {key}={operation.intended} --overwrite",
                f"kubectl annotate {target} {key}={operation.before} --overwrite"
                if operation.before
                else f"kubectl annotate {target} {key}-",
            )


def _resource(target: TargetIdentity) -> str:
    group, _, _ = target.api_version.rpartition("/")
    kind = target.kind.lower() if target.api_version in _SHORT_GROUPS else f"{target.kind.lower()}.{group}"
    return shlex.quote(f"{kind}/{target.name}")


def _evict(namespace: str, pod: str) -> str:
    """kubectl has no command for one eviction, and ``delete pod`` would not ask the disruption budget."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    body = json.dumps(eviction, separators=(",", ":"))
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    return f"echo {shlex.quote(body)} | kubectl create --raw {shlex.quote(path)} -f -"


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
