"""Evicting the worst pod of a StatefulSet, whose controller makes another one under the same name."""

from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.resources import Body
from tests.contract.cases.case import ActionCase, workload

STANDING = "2 ready"
QUARANTINED = "pcscf-in-quarantine"


def _standing(body: Body) -> str:
    """How a pod stands that was not evicted: with the target, or taken out of it by someone who looks into it."""
    label = str(body["metadata"]["labels"]["app"])
    return STANDING if label == "pcscf" else label


CASES = (
    ActionCase(
        name="evict",
        objects=(workload("StatefulSet", "pcscf"),),
        step=Step.model_validate(
            {
                "name": "end-the-worst",
                "action": {
                    "evict": {
                        "target": "pcscf",
                        "worst": {
                            "query": 'sum by (pod) (rate(failures_total{namespace="$namespace"}[$window]))',
                            "threshold": "0.5",
                        },
                    }
                },
            }
        ),
        target=Target.model_validate(
            {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "pcscf"}}
        ),
        acted=("v1", "Pod", "pcscf-1"),
        of=("apps/v1", "StatefulSet", "pcscf"),
        before=STANDING,
        intended="evicted: pcscf-1/{uid}",
        meddling={"metadata": {"labels": {"app": QUARANTINED}}},
        meddled=QUARANTINED,
        missing="TargetNotFound",
        value=_standing,
        verb="create",
        ready_pods=2,
        measured={"pcscf-0": 0.1, "pcscf-1": 0.9},
        ends=True,
    ),
)
