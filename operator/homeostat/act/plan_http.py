"""Planning the action ``http``."""

from datetime import datetime

from homeostat.act.call_http import FIELD, NONE
from homeostat.act.http_template import action_digest, http_action
from homeostat.act.operations import intend
from homeostat.act.preflight import read_same
from homeostat.act.refusals import not_found, not_readable
from homeostat.cluster.identity import identity_of
from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, Plan
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Occasion, Preview
from homeostat.flow.ports import Calls, Cluster, KubernetesError, NotFoundError


class HttpActuator:
    """Plans a call."""

    type = ActionType.HTTP

    def __init__(self, cluster: Cluster, calls: Calls) -> None:
        self._cluster, self._calls = cluster, calls

    async def preview(self, step: Step, occasion: Occasion) -> Preview:
        """The call that the step would make, or why it may not; nothing is called."""
        namespace, ref, action = occasion.namespace, occasion.target.ref, http_action(step)
        name = f"{ref.kind}/{ref.name}"
        try:
            body = await self._cluster.get(ref.api_version, ref.kind, namespace, ref.name)
        except NotFoundError as error:
            return not_found(occasion.target, namespace, error)
        except KubernetesError as error:
            return not_readable(name, error)
        for part in (action.call, action.status, action.undo):
            refused = self._calls.refusal(part.url) if part is not None else ""
            if refused:
                return Preview(refused="HostNotAllowed", message=refused)
        what = f"{action.call.method} {action.call.url}"
        return Preview(
            target=identity_of(body),
            field=FIELD,
            before=NONE,
            intended=f"{what} (call {action_digest(action)})",
            description=f"call {what} on behalf of {name}",
        )

    async def operations(
        self,
        plan: Plan,
        step: Step,
        occasion: Occasion,
        at: datetime,
    ) -> tuple[Operation, ...]:
        """One operation: the call.

        Raises:
            PlanStaleError: the target is gone or another one.
            KubernetesError: it could not be read.
        """
        await read_same(self._cluster, occasion.namespace, plan.target)
        call = http_action(step).call
        return (
            intend(
                step=plan.step,
                attempt=plan.attempt,
                kind=OperationKind.APPLY,
                number=1,
                action=OperationAction.CALL_HTTP,
                target=plan.target,
                resource_version="",
                field=FIELD,
                before=NONE,
                intended=f"{call.method} {call.url}",
                at=at,
            ),
        )
