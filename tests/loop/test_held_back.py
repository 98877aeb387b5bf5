"""People hold the operator back: a pause ends by itself, a stop stops every write, planned work is watched only."""

from datetime import UTC, datetime, timedelta

from tests.loop import manifests
from tests.loop.api import Body, path
from tests.loop.people import decide, let_decide
from tests.loop.stage import CALM, OVERLOAD, Stage, eventually, throughout

HOLDER = "carol"
SETTLE = timedelta(seconds=4)


def in_seconds(seconds: float) -> str:
    return f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def let_edit(stage: Stage) -> None:
    """Whoever may change the intent may pause and stop what is done for it."""
    kubectl, within = stage.cluster.kubectl, f"--namespace={stage.namespace}"
    kubectl("create", "role", "editor", within, "--verb=get,patch", "--resource=serviceintents.homeostat.dev")
    kubectl("create", "role", "reader", within, "--verb=get,list", "--resource=remediations.homeostat.dev")
    for role in ("editor", "reader"):
        kubectl("create", "rolebinding", role, within, f"--role={role}", f"--user={HOLDER}")


def held(stage: Stage) -> Body:
    condition = stage.condition("Held")
    return {"status": condition["status"], "reason": condition["reason"]}


def acted_at(record: Body) -> datetime:
    return moment(record["status"]["times"]["acted"])


def test_a_pause_holds_an_act_back_and_ends_by_itself(stage: Stage):
    let_edit(stage)
    stage.govern(manifests.policy(manifests.add_capacity()))
    paused = decide(stage, HOLDER, "pause", manifests.INTENT, "--for=25s", "--reason=match day")
    assert paused.returncode == 0, paused.stderr
    until = moment(stage.intent()["metadata"]["annotations"]["homeostat.dev/paused-until"])
    stage.cnf.offer(OVERLOAD)

    record = stage.reach("Blocked")
    assert record["status"]["reason"] == "Paused"
    assert f"{HOLDER}: match day; written by kubectl-homeostat" in record["status"]["message"]
    assert held(stage) == {"status": "True", "reason": "Paused"}
    assert not stage.acts()

    record = stage.reach("Succeeded", seconds=90)
    assert acted_at(record) >= until
    assert stage.replicas() == 2
    assert len(stage.records()) == 1
    eventually(lambda: held(stage), lambda seen: seen == {"status": "False", "reason": "NothingHeld"})


def test_a_stop_between_the_record_and_its_effect_stops_the_write(stage: Stage):
    """The drain of a scale-in stands between the intention and its effect for as long as calls go on."""
    let_edit(stage)
    stage.spare_sessions('sum(cnf_calls_in_progress{namespace="$namespace",pod=~"$pods"})')
    stage.govern(manifests.policy(manifests.add_capacity(release=manifests.release())))
    stage.cnf.offer(OVERLOAD)
    stage.reach("Succeeded")
    stage.cnf.hold_calls(3)
    stage.cnf.offer(CALM)
    eventually(stage.record, has_intended_release)

    stopped = decide(stage, HOLDER, "stop", manifests.INTENT, "--reason=hands off")
    assert stopped.returncode == 0, stopped.stderr
    assert f"kubectl scale deployment/{manifests.EDGE} -n {stage.namespace} --replicas=1" in stopped.stdout
    before = len(stage.acts())
    stage.cnf.hold_calls(0)
    eventually(stage.record, lambda r: "stopped" in r["status"]["release"]["message"])
    throughout(stage.replicas, lambda replicas: replicas == 2, seconds=5)
    assert len(stage.acts()) == before

    resumed = decide(stage, HOLDER, "resume", manifests.INTENT)
    assert resumed.returncode == 0, resumed.stderr
    eventually(stage.replicas, lambda replicas: replicas == 1)


def has_intended_release(record: Body) -> bool:
    operations = record["status"]["operations"]
    return any(o["kind"] == "Release" and o["action"] == "Scale" and o["state"] == "Intended" for o in operations)


def test_a_stop_holds_back_an_undo_too_and_tells_what_to_type(stage: Stage):
    let_edit(stage)
    let_decide(stage, HOLDER)
    stage.govern(manifests.policy(manifests.add_capacity()))
    stage.cnf.offer(OVERLOAD)
    record = stage.reach("Succeeded")
    stage.cnf.offer(CALM)
    stopped = decide(stage, HOLDER, "stop", manifests.INTENT, "--reason=hands off")
    assert stopped.returncode == 0, stopped.stderr
    asked = decide(stage, HOLDER, "undo", record["metadata"]["name"], "--reason=too large")
    assert asked.returncode == 0, asked.stderr

    record = eventually(stage.record, lambda r: r["status"]["reason"] == "Stopped")
    assert record["status"]["phase"] == "RollingBack"
    by_hand = f"kubectl scale deployment/{manifests.EDGE} -n {stage.namespace} --replicas=1"
    assert f"By hand: {by_hand}. Back:" in record["status"]["message"]
    throughout(stage.replicas, lambda replicas: replicas == 2, seconds=4)

    resumed = decide(stage, HOLDER, "resume", manifests.INTENT)
    assert resumed.returncode == 0, resumed.stderr
    stage.reach("RolledBack")
    assert stage.replicas() == 1


def test_a_stop_that_cannot_be_read_stops_too(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity()))
    namespace = path("namespaces", name=stage.namespace)
    stage.api.patch(namespace, annotated("stopped", "not today"))
    stage.cnf.offer(OVERLOAD)
    record = stage.reach("Blocked")
    assert record["status"]["reason"] == "StopUnreadable"
    throughout(stage.acts, lambda acts: not acts, seconds=4)
    stage.api.patch(namespace, annotated("stopped", None))
    stage.reach("Succeeded")
    assert stage.replicas() == 2


def annotated(name: str, value: str | None) -> Body:
    return {"metadata": {"annotations": {f"homeostat.dev/{name}": value}}}


def begin_planned_work(stage: Stage, until: str) -> None:
    window = {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": "MaintenanceWindow",
        "metadata": {"name": "upgrade"},
        "spec": {
            "workloads": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": manifests.EDGE}],
            "from": in_seconds(-60),
            "to": until,
            "changeId": "CHG0031337",
            "settle": f"{SETTLE.seconds}s",
        },
    }
    stage.api.create("maintenancewindows", stage.namespace, window)


def test_planned_work_is_recorded_and_acted_on_only_once_it_has_settled(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity()))
    end = in_seconds(25)
    begin_planned_work(stage, end)
    eventually(lambda: held(stage), lambda seen: seen == {"status": "True", "reason": "UnderMaintenance"})
    stage.cnf.offer(OVERLOAD)

    record = stage.reach("Blocked")
    assert record["status"]["reason"] == "UnderMaintenance"
    assert "CHG0031337" in record["status"]["message"]
    assert not stage.acts()

    record = stage.reach("Succeeded", seconds=90)
    assert acted_at(record) >= moment(end) + SETTLE
    assert len(stage.records()) == 1
    assert [c["reason"] for c in record["spec"]["candidates"]] == ["UnderMaintenance"]


def test_an_act_in_flight_is_verified_and_left_out_of_the_scores(stage: Stage):
    stage.govern(manifests.policy(manifests.add_capacity()))
    stage.cnf.offer(OVERLOAD)
    stage.reach("Verifying")
    begin_planned_work(stage, in_seconds(120))

    record = stage.reach("Succeeded", seconds=90)
    (judged,) = record["status"]["verifications"]
    assert judged["outcome"] == "Effective"
    assert "CHG0031337" in judged["plannedWork"]
    policy = eventually(lambda: stage.policy_status(manifests.POLICY), lambda status: "outcomes" in status)
    throughout(lambda: stage.policy_status(manifests.POLICY), lambda s: s["outcomes"]["effective"] == 0, seconds=4)
    assert policy["outcomes"]["ineffective"] == 0
