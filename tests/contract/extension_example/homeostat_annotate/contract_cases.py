"""What the contract suite needs to know of this action; it runs inside a checkout of Homeostat."""

from homeostat.contracts.actions.kinds import Reversal
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.resources import Body
from tests.contract.cases.case import ActionCase, workload

ANNOTATION = "example.com/overloaded"


def _subject() -> dict[str, object]:
    body = workload("Deployment", "pcscf")
    return {**body, "metadata": {**body["metadata"], "annotations": {ANNOTATION: "no"}}}


def _present(body: Body) -> str:
    return str(body["metadata"]["annotations"].get(ANNOTATION, ""))


CASES = (
    ActionCase(
        name="extension-annotate",
        objects=(_subject(),),
        step=Step.model_validate(
            {
                "name": "say-so",
                "action": {
                    "extension": {
                        "target": "pcscf",
                        "name": "annotate",
                        "parameters": {"annotation": ANNOTATION, "value": "yes"},
                    }
                },
            }
        ),
        target=Target.model_validate(
            {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
        ),
        acted=("apps/v1", "Deployment", "pcscf"),
        before="no",
        intended="yes",
        meddling={"metadata": {"annotations": {ANNOTATION: "maybe"}}},
        meddled="maybe",
        missing="TargetNotFound",
        reversal=Reversal.POSSIBLE,
        value=_present,
    ),
)
