"""What the contract suites share: a real API server, and custom resources to act on."""

import json

import pytest

from hack.cluster import Cluster
from tests.apiserver import foreign_kinds
from tests.contract.cases.scale import SCALABLE_CRD


@pytest.fixture(scope="session", autouse=True)
def _kinds(cluster: Cluster, crds: None) -> None:  # noqa: ARG001 - Homeostat's own kinds, for the records
    cluster.install(json.dumps(SCALABLE_CRD))
    name = SCALABLE_CRD["metadata"]["name"]
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", f"crd/{name}")
    foreign_kinds.install(cluster)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The suite as a table: a row for each promise, a column for each action."""
    verdicts: dict[str, dict[str, str]] = {}
    for outcome, mark in (("passed", "ok"), ("failed", "FAILED"), ("error", "FAILED"), ("skipped", "-")):
        for report in terminalreporter.getreports(outcome):
            promise, found, action = report.nodeid.partition("test_action_contract.py::")[2].partition("[")
            if found and (report.when == "call" or outcome in {"error", "skipped"}):
                verdicts.setdefault(promise.removeprefix("test_"), {})[action.rstrip("]")] = mark
    if verdicts:
        terminalreporter.section("the contract: promise x action")
        for line in _table(verdicts):
            terminalreporter.write_line(line)


def _table(verdicts: dict[str, dict[str, str]]) -> list[str]:
    actions = sorted({action for row in verdicts.values() for action in row})
    first = max(len(promise) for promise in verdicts)
    legend = [f"  {number:>2} {action}" for number, action in enumerate(actions, start=1)]
    head = " " * first + "".join(f"{number:>8}" for number in range(1, len(actions) + 1))
    rows = [
        f"{promise.replace('_', ' '):<{first}}" + "".join(f"{row.get(action, ''):>8}" for action in actions)
        for promise, row in verdicts.items()
    ]
    return [*legend, head, *rows]
