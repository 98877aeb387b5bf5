"""Changing a value in a ConfigMap."""

from collections.abc import Callable
from typing import Any

import yaml

from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from tests.contract.cases.case import ActionCase, workload

TUNING = """\
# Tuning of the edge
limits:
  invitesPerSecond: 50   # per instance
  burst: 'small'
"""


LIST = """\
# Peers of the edge
peers:
  # the oldest
  - 10.0.0.1   # edge A
  - 10.0.0.2
limits: {burst: 1}
"""

JSON = """\
{
  "limits": {"invitesPerSecond": 50, "burst": 1.50},
  "peers": ["10.0.0.1"]
}
"""

PLAIN = """\
#!define WITH_TLS
children=50   # per socket
tcp_children=4
"""


def _tuning(key: str, text: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "pcscf-tuning"},
        "data": {key: text, "other.txt": "untouched"},
    }


def _case(
    name: str, key: str, text: str, change: dict[str, Any], value: Callable[[str], str], others: str, **more: Any
) -> ActionCase:
    action = {"target": "pcscf", "configMap": "pcscf-tuning", "key": key, **change}
    target = {"name": "pcscf", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"}}
    taken_up = more.pop("taken_up", {})
    return ActionCase(
        name=name,
        objects=(_tuning(key, text), workload("Deployment", "pcscf")),
        step=Step.model_validate({"name": "tune", "action": {"reconfigure": action}}),
        target=Target.model_validate(target | taken_up),
        acted=("v1", "ConfigMap", "pcscf-tuning"),
        meddling={"data": {key: others}},
        meddled=value(others),
        missing="ConfigMapNotFound",
        value=lambda body: value(body["data"][key]),
        **{"before": value(text), "intended": "500", **more},
    )


def _limit(text: str) -> str:
    return str(yaml.safe_load(text)["limits"]["invitesPerSecond"])


def _children(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("children=")).split()[0].removeprefix("children=")


def _peer(peer: str, written: str) -> Callable[[str], str]:
    """How a record tells of one peer: as it is written, or empty."""
    return lambda text: written if peer in yaml.safe_load(text)["peers"] else ""


RATE = {"set": {"path": "/limits/invitesPerSecond", "value": "500"}}

CASES = (
    _case("reconfigure-restart", "tuning.yaml", TUNING, RATE, _limit, TUNING.replace("50 ", "70 ")),
    _case(
        "reconfigure-annotation", "tuning.yaml", TUNING, RATE, _limit, TUNING.replace("50 ", "70 "),
        taken_up={"configReload": "Annotation", "reloadAnnotation": "example.com/config-digest"},
    ),
    _case("reconfigure-json", "t.json", JSON, {"format": "Json", **RATE}, _limit, JSON.replace("50,", "70,")),
    _case(
        "reconfigure-text", "kamailio.cfg", PLAIN,
        {"format": "Text", "set": {"path": "children=<value> ", "value": "500"}},
        _children, PLAIN.replace("=50", "=70"),
    ),
    _case(
        "reconfigure-add", "peers.yaml", LIST, {"add": {"path": "/peers", "item": "10.0.0.3"}},
        _peer("10.0.0.3", "10.0.0.3"), LIST.replace("10.0.0.2", "10.0.0.9"), intended="10.0.0.3",
    ),
    _case(
        "reconfigure-remove", "peers.yaml", LIST, {"remove": {"path": "/peers", "item": "10.0.0.1"}},
        _peer("10.0.0.1", "10.0.0.1   # edge A"), LIST.replace("10.0.0.2", "10.0.0.9"), intended="",
    ),
)  # fmt: skip
