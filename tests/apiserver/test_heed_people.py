"""Right before an effect the record is read live: who has ended it by then is heeded."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from hack.cluster import Cluster
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.clock import SystemClock
from homeostat.contracts.decisions import DecisionType
from homeostat.contracts.operations import OperationState
from homeostat.contracts.remediation import Phase
from homeostat.flow.memory import IntentMemory
from homeostat.flow.run import RecordLostError, RecordMovedError, Run
from homeostat.flow.stages import Stages
from homeostat.record.remediations import Remediations
from tests.apiserver.fixtures import Connect
from tests.apiserver.installation import OPERATOR, install
from tests.unit.record.samples import operation, spec, status

PERSON = "alice"
ACTING = status(
    phase=Phase.EXECUTING, outcome=None, operations=[operation(state=OperationState.INTENDED)], verifications=[]
)


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


@pytest.fixture
async def run(connect: Connect, cluster: Cluster, namespace: str) -> Run:
    """A remediation right before its effect."""
    at = ("rolebinding", "approver", "-n", namespace)
    cluster.kubectl("create", *at, "--clusterrole=homeostat-approver", f"--user={PERSON}")
    operator: ApiCluster = await connect(OPERATOR)
    records = Remediations(operator, SystemClock())
    stored = await records.create(namespace, spec(), ACTING)
    return Run(
        stages=cast("Stages", SimpleNamespace(records=records, clock=SystemClock())),
        stored=stored,
        memory=IntentMemory(),
        intent=lambda: None,
        policy=lambda: None,
        source=lambda: None,
    )


def say(cluster: Cluster, run: Run, kind: DecisionType) -> None:
    entry = {"id": "one", "type": kind, "by": PERSON, "reason": "planned work"}
    patch = json.dumps([{"op": "add", "path": "/spec/decisions/-", "value": entry}])
    cluster.kubectl("patch", "rem", run.stored.name, "-n", run.namespace, "--type=json", "-p", patch, user=PERSON)


async def test_an_effect_may_follow_where_nobody_has_written(run):
    await run.heed()


@pytest.mark.parametrize("kind", [DecisionType.CANCEL, DecisionType.TAKE_OVER])
async def test_no_effect_follows_a_decision_that_ends_it(cluster, run, kind):
    say(cluster, run, kind)
    with pytest.raises(RecordMovedError):
        await run.heed()
    assert [d.type for d in run.spec.decisions] == [kind], "the record is as it was read live"


async def test_an_effect_may_follow_a_remark(cluster, run):
    say(cluster, run, DecisionType.ACKNOWLEDGE)
    await run.heed()


async def test_no_effect_follows_where_another_process_has_written_the_status(run):
    await run.stages.records.update(run.stored, ACTING.model_copy(update={"phase": Phase.BLOCKED}))
    with pytest.raises(RecordMovedError):
        await run.heed()


async def test_no_effect_follows_where_another_record_has_its_name(run):
    run.stored = replace(run.stored, uid="that-of-another")
    with pytest.raises(RecordLostError):
        await run.heed()
