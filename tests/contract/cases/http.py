"""Calling a system outside the cluster, with a status to ask for and a call that takes it back."""

from homeostat.act.http_template import action_digest, http_action
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from tests.contract.cases.case import ActionCase, Staged, workload
from tests.contract.receiver import RECEIVER

ORDERS = f"{RECEIVER.origin}/orders/{{{{ namespace }}}}"

STEP = Step.model_validate(
    {
        "name": "open-cell",
        "action": {
            "http": {
                "target": "pcscf",
                "call": {"url": ORDERS, "body": '{"for": ["{{ kind }}/{{ target }}"], "why": "{{ why }}", "size": 2}'},
                "status": {"url": f"{ORDERS}/{{{{ key }}}}", "state": "/state", "done": ["done"], "failed": ["lost"]},
                "undo": {"method": "DELETE", "url": f"{ORDERS}/{{{{ takesBack }}}}"},
            }
        },
    }
)
INTENDED = f"POST {ORDERS} (call {action_digest(http_action(STEP))})"


async def _orders(api: ApiCluster, namespace: str) -> str:  # noqa: ARG001 - the case's signature
    desk = RECEIVER.desk(namespace)
    if desk.locked:
        return "someone else's"
    assert len(desk.taken) == len(set(desk.taken)), "an order came twice"
    return INTENDED if desk.orders else "none"


def _meddle(stage: Staged) -> None:
    """Someone clears the desk and works on it."""
    desk = RECEIVER.desk(stage.namespace)
    desk.orders.clear()
    desk.locked = True


CASES = (
    ActionCase(
        name="http",
        objects=(workload("Deployment", "pcscf"),),
        step=STEP,
        target=Target.model_validate(
            {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
        ),
        acted=("apps/v1", "Deployment", "pcscf"),
        before="none",
        intended=INTENDED,
        meddling={},
        meddled="someone else's",
        missing="TargetNotFound",
        value=lambda _: "",
        verb="",
        origins=(RECEIVER.origin,),
        effect_elsewhere=_orders,
        meddle_elsewhere=_meddle,
    ),
)
