"""Changing a value in a ConfigMap."""

import yaml

from homeostat.contracts.service_intent import Target
from homeostat.contracts.steps import Step
from homeostat.flow.facts import Body
from tests.contract.cases.case import ActionCase, workload

TUNING = """\
# Tuning of the edge
limits:
  invitesPerSecond: 50   # per instance
  burst: 'small'
"""


def _limit(body: Body) -> str:
    return str(yaml.safe_load(body["data"]["tuning.yaml"])["limits"]["invitesPerSecond"])


CASES = (
    ActionCase(
        name="reconfigure-restart",
        objects=(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "pcscf-tuning"},
                "data": {"tuning.yaml": TUNING, "other.txt": "untouched"},
            },
            workload("Deployment", "pcscf"),
        ),
        step=Step.model_validate(
            {
                "name": "raise-limit",
                "action": {
                    "reconfigure": {
                        "target": "pcscf",
                        "configMap": "pcscf-tuning",
                        "key": "tuning.yaml",
                        "set": {"path": "/limits/invitesPerSecond", "value": "500"},
                    }
                },
            }
        ),
        target=Target.model_validate(
            {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
        ),
        acted=("v1", "ConfigMap", "pcscf-tuning"),
        before="50",
        intended="500",
        meddling={"data": {"tuning.yaml": TUNING.replace("50 ", "70 ")}},
        meddled="70",
        missing="ConfigMapNotFound",
        value=_limit,
    ),
)
