"""The kubectl commands that a person could have typed for an operation, and those that take it back (pure).

Commands are worded for the namespace and kind at hand, quoted for a POSIX shell.
"""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from homeostat.contracts.actions.http import Call
from homeostat.contracts.actions.job import JobTemplate
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan, TargetIdentity
from homeostat.contracts.remediation import RemediationSpec
from homeostat.contracts.target import HotReload
from homeostat.flow.field_changes import read_values, value_changes, values_text
from homeostat.flow.field_paths import is_through_lists, tokens_of, with_values
from homeostat.flow.merge_patch import merge_difference

_MOST_WORDED = 3
"""Operations that are worded in one sentence; the record words all."""

_SHORT_GROUPS = frozenset({"v1", "apps/v1"})
"""Groups whose kinds kubectl knows by their bare name."""
_LONGEST_JOB_NAME = 63
_LONGEST_COMMAND = 200
"""Longest command that stands whole in a line of the report."""


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


def to_type(namespace: str, operations: Sequence[Operation], spec: RemediationSpec) -> str:
    """The commands that do what operations intended, in a sentence; the first few of many."""
    worded = "; ".join(commands(namespace, operation, spec).do for operation in operations[:_MOST_WORDED])
    more = len(operations) - _MOST_WORDED
    return f"{worded}; and {more} more in the record." if more > 0 else f"{worded}."


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
    if operation.action is OperationAction.HOT_RELOAD:
        return Commands(_reload(namespace, _hot_reload(operation, spec)), "")
    if operation.action is OperationAction.EVICT:
        return Commands(_evict(namespace, operation.target.name), "")
    if operation.action in _OF_STEP:
        return _OF_STEP[operation.action](namespace, operation, spec)
    if operation.action is OperationAction.EXTENSION:
        unworded = f"kubectl get {target} -o yaml   # by extension {operation.extension}: {operation.field} "
        return Commands(
            operation.command or unworded + _change(operation.before, operation.intended), operation.undo_command
        )
    if operation.action is OperationAction.RESTART:
        return Commands(f"kubectl rollout restart {target}", "")
    word, before, after = _WORDED[operation.action], operation.before, operation.intended
    if operation.action is OperationAction.ANNOTATE:
        before, after = operation.digest_before, operation.digest_intended
    return Commands(word(operation, target, before, after), word(operation, target, after, before))


def _run_job(namespace: str, operation: Operation, spec: RemediationSpec) -> Commands:
    step = next((s for s in spec.terms.steps if s.name == operation.step), None)
    action = step.action.job if step else None
    if action is None:
        return Commands(f"kubectl get {operation.intended.lower()} -n {shlex.quote(namespace)} -o yaml", "")
    name = operation.intended.partition("/")[2]
    if operation.kind is not OperationKind.APPLY:
        return Commands(_create_job(namespace, name, action.undo or action.template, "undo"), "")
    undo = _create_job(namespace, f"{name[: _LONGEST_JOB_NAME - len('-undo')]}-undo", action.undo, "undo")
    return Commands(_create_job(namespace, name, action.template, "template"), undo)


def _call_http(_: str, operation: Operation, spec: RemediationSpec) -> Commands:
    """Of a call the record's template is shown: its names are filled as ``docs/http.md`` says."""
    step = next((s for s in spec.terms.steps if s.name == operation.step), None)
    action = step.action.http if step else None
    is_undo = operation.kind is not OperationKind.APPLY
    if action is None:
        method, _, url = operation.intended.partition(" ")
        return Commands(f"curl -X {method} {shlex.quote(url)}", "")
    do = _curl(action.undo or action.call, "undo") if is_undo else _curl(action.call, "call")
    return Commands(do, "" if is_undo or action.undo is None else _curl(action.undo, "undo"))


def _curl(call: Call, part: str) -> str:
    key = " -H 'Idempotency-Key: RECORD-UID.OPERATION-ID'"
    body = f"   # with the body of action.http.{part} of the step" if call.body else ""
    return f"curl -X {call.method} {shlex.quote(call.url)}{key}{body}"


def _create_job(namespace: str, name: str, template: JobTemplate | None, part: str) -> str:
    """Empty without a template; what kubectl has no words for is named in a comment."""
    if template is None:
        return ""
    start = f"kubectl create job {name} -n {shlex.quote(namespace)} --image={shlex.quote(template.image)}"
    words = f" -- {shlex.join([*template.command, *template.args])}" if template.command else ""
    if len(start + words) > _LONGEST_COMMAND or (template.args and not template.command):
        return f"{start}   # command, args and env as in action.job.{part} of the step"
    return f"{start}{words}"


def _scale(_: Operation, target: str, _before: str, after: str) -> str:
    return f"kubectl scale {target} --replicas={after}"


def _edit(operation: Operation, target: str, before: str, after: str) -> str:
    return f"kubectl edit {target}   # {operation.field}: {_change(before, after)}"


def _annotate(operation: Operation, target: str, _before: str, after: str) -> str:
    key = operation.field.removeprefix("metadata.annotations[").removesuffix("]")
    return f"kubectl annotate {target} {key}={after} --overwrite" if after else f"kubectl annotate {target} {key}-"


def _change(before: str, after: str) -> str:
    if before and after:
        return f"{before} -> {after}"
    return f"add {after}" if after else f"remove {before}"


def _patch(_: Operation, target: str, text_before: str, text_after: str) -> str:
    """A merge patch; kubectl has no way to name an item of a list by what it holds, so there an edit."""
    before, after = read_values(text_before), read_values(text_after)
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


def _roll_back(_: Operation, target: str, _before: str, revision: str) -> str:
    return f"kubectl rollout undo {target} --to-revision={revision.removeprefix('revision ')}"


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


_OF_STEP: Mapping[OperationAction, Callable[[str, Operation, RemediationSpec], Commands]] = {
    OperationAction.RUN_JOB: _run_job,
    OperationAction.CALL_HTTP: _call_http,
}
"""How an operation reads whose words stand in its step."""

_WORDED: Mapping[OperationAction, Callable[[Operation, str, str, str], str]] = {
    OperationAction.SCALE: _scale,
    OperationAction.EDIT_CONFIG: _edit,
    OperationAction.ANNOTATE: _annotate,
    OperationAction.MARK_FOR_REMOVAL: _annotate,
    OperationAction.PATCH: _patch,
    OperationAction.RESIZE: _resize,
    OperationAction.ROLLBACK: _roll_back,
}
"""How an operation reads that has a way back: the same command with the values exchanged."""
