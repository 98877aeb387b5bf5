"""Planning the action ``patch``: what the fields are, and whether the API server would take what they are to be."""

from datetime import datetime

from homeostat.act.operations import intend
from homeostat.act.patch import patch_of, values_of
from homeostat.act.preflight import describe, read_same, version_of
from homeostat.act.refusals import not_readable
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.patch import AUTOSCALER_BOUNDS, PatchAction, group_of
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.autoscalers import scales
from homeostat.flow.facts import Occasion, Preview
from homeostat.flow.field_changes import LONGEST_VALUES, Values, read_values, value_changes, values_text
from homeostat.flow.field_paths import FieldPathError, find
from homeostat.flow.ports import Cluster, ConflictError, KubernetesError, NotFoundError, PlanStaleError
from homeostat.flow.resources import Body

_FORBIDDEN = 403
_CLIENT_ERRORS = range(400, 500)


class PatchActuator:
    """Plans new values of named fields."""

    type = ActionType.PATCH

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """The values that the step would write now, as a dry run of them shows, or why it cannot."""
        action = _action(step)
        ref, name = action.ref, f"{action.ref.kind}/{action.ref.name}"
        try:
            body = await self._cluster.get(ref.api_version, ref.kind, occasion.namespace, ref.name)
        except NotFoundError as error:
            message = f"{name} ({ref.api_version}) is not in namespace {occasion.namespace}: {error.message}"
            return Preview(refused="ObjectNotFound", message=message)
        except KubernetesError as error:
            return not_readable(name, error)
        refusal = _refusal(body, name, occasion.target)
        if refusal is not None:
            return refusal
        try:
            return await self._planned(occasion, body, action, name)
        except FieldPathError as error:
            return Preview(refused=error.reason, message=f"{name}: {error.message}")

    async def operations(
        self,
        plan: Plan,
        step: Step,  # noqa: ARG002 - the signature is the port's
        occasion: Occasion,
        at: datetime,
    ) -> tuple[Operation, ...]:
        """One operation on one object: the planned values, if those before still stand.

        Raises:
            PlanStaleError: the object is another one, or a field is not as before.
            KubernetesError: it could not be read.
        """
        body = await read_same(self._cluster, occasion.namespace, plan.target)
        try:
            present = values_text(values_of(body, read_values(plan.intended)))
        except FieldPathError as gone:
            raise PlanStaleError(f"{describe(plan.target)} was changed: {gone.message}") from gone
        if present != plan.before:
            raise PlanStaleError(f"{describe(plan.target)} has {present} now, not {plan.before}")
        return (
            intend(
                step=plan.step,
                attempt=plan.attempt,
                kind=OperationKind.APPLY,
                number=1,
                action=OperationAction.PATCH,
                target=plan.target,
                resource_version=version_of(body),
                field=plan.field,
                before=plan.before,
                intended=plan.intended,
                at=at,
            ),
        )

    async def _planned(self, occasion: Occasion, body: Body, action: PatchAction, name: str) -> Preview:
        wanted = {field.path: field.scalar for field in action.changes}
        present = values_of(body, wanted)
        if len({find(body, path) for path in wanted}) < len(wanted):
            message = f"{name}: two paths of the step lead to the same field; name it once"
            return Preview(refused="FieldNamedTwice", message=message)
        # A field that has its value already would not become ours, and so could not be told from someone else's act.
        changed = [path for path in wanted if values_text({path: present[path]}) != values_text({path: wanted[path]})]
        before = {path: present[path] for path in changed}
        intended = {path: wanted[path] for path in changed}
        if not changed:
            message = f"{name} has the values already"
            return Preview(target=identity_of(body), message=message, already=True)
        if max(len(values_text(before)), len(values_text(intended))) > LONGEST_VALUES:
            message = (
                f"{name}: the values are more than the {LONGEST_VALUES} characters that a record holds; split the step"
            )
            return Preview(refused="TooLongForRecord", message=message)
        refusal = _ends_instances(body, intended, occasion, name)
        if refusal is not None:
            return refusal
        return await self._dry_run(occasion, body, before, intended) or _preview(occasion, body, before, intended)

    async def _dry_run(self, occasion: Occasion, body: Body, before: Values, intended: Values) -> Preview | None:
        """Why the API server would not take the values; None where it would."""
        name = describe(identity_of(body))
        try:
            answer = await self._cluster.merge_patch(
                body["apiVersion"],
                body["kind"],
                occasion.namespace,
                body["metadata"]["name"],
                patch_of(body, intended),
                dry_run=True,
            )
            stored = values_of(answer.body, intended)
        except ConflictError:
            message = f"{name} was changed while it was looked at; it is looked at again"
            return Preview(refused="ObjectChanging", message=message)
        except FieldPathError as error:
            return Preview(refused="ValueNotKept", message=f"{name}: the API server would drop it: {error.message}")
        except KubernetesError as error:
            return _not_writable(name, error)
        for path, value in intended.items():
            if values_text({path: stored[path]}) != values_text({path: value}):
                kept = (
                    "drop it: the kind has no such field" if stored[path] == before[path] else f"store {stored[path]!r}"
                )
                message = f"{name}: {path} cannot be {value!r}, for the API server would {kept}; correct the step"
                return Preview(refused="ValueNotKept", message=message)
        return None


def _preview(occasion: Occasion, body: Body, before: Values, intended: Values) -> Preview:
    identity = identity_of(body)
    changes = ", ".join(map(str, value_changes(before, intended)))
    return Preview(
        target=identity,
        field=" ".join(intended),
        before=values_text(before),
        intended=values_text(intended),
        description=f"patch {describe(identity)} for {occasion.target.name}: {changes}",
    )


def _refusal(body: Body, name: str, target: Target) -> Preview | None:
    """Why nothing of this object is patched; None where it may be."""
    if not body["metadata"].get("namespace"):
        message = f"{name} is cluster-scoped, and a policy reaches no further than its namespace: change it by hand"
        return Preview(refused="ClusterScoped", message=message)
    if (group_of(body["apiVersion"]), body["kind"]) in AUTOSCALER_BOUNDS and not scales(body, target.ref):
        ref = target.ref
        message = f"{name} does not scale {ref.kind}/{ref.name}: name the target that it scales"
        return Preview(refused="ScalesAnother", message=message)
    return None


def _ends_instances(body: Body, intended: Values, occasion: Occasion, name: str) -> Preview | None:
    """The refusal of a ceiling below the present replicas: an autoscaler ends instances without draining them."""
    bounds = AUTOSCALER_BOUNDS.get((group_of(body["apiVersion"]), body["kind"]))
    most = intended.get(bounds[1]) if bounds else None
    present = occasion.workload.replicas
    if not isinstance(most, int) or present is None or most >= present:
        return None
    message = (
        f"{name} would end {present - most} of {present} instances at once, whatever is in progress on them; "
        "a ceiling is lowered to no less than the present replicas"
    )
    return Preview(refused="WouldEndInstances", message=message)


def _not_writable(name: str, error: KubernetesError) -> Preview:
    if error.status == _FORBIDDEN:
        message = (
            f"{name} may not be patched: {error.message}. Name its resource under patch.rules of the chart's values."
        )
        return Preview(refused="Forbidden", message=message)
    if error.status in _CLIENT_ERRORS:
        return Preview(refused="ValueRefused", message=f"{name}: the API server refuses the values: {error.message}")
    return not_readable(name, error)


def _action(step: Step) -> PatchAction:
    if step.action.patch is None:
        raise ValueError(f"step {step.name} does not patch")
    return step.action.patch
