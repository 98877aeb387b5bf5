"""The reload's own logic: whom it asks, how often, and when it gives up. Real pods are asked in the e2e."""

from typing import Any

import pytest

from homeostat.act.hot_reload import HotReloadEffect
from homeostat.act.operations import intend
from homeostat.contracts.operations import OperationAction, OperationKind, OperationState, TargetIdentity
from homeostat.contracts.target import Target
from homeostat.flow.ports import KubernetesError, NotFoundError
from homeostat.flow.resources import Body
from tests.unit.act.test_operations import NOW

OLD, NEW = "0" * 64, "1" * 64
IDENTITY = TargetIdentity(api_version="apps/v1", kind="Deployment", name="pcscf", uid="u1")
TARGET = Target.model_validate(
    {
        "name": "pcscf",
        "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pcscf"},
        "configReload": "Hot",
        "hotReload": {"port": 8080},
    }
)
OPERATION = intend(
    step="s", attempt=1, kind=OperationKind.APPLY, number=2, action=OperationAction.HOT_RELOAD, target=IDENTITY,
    resource_version="1", field="data[k]", before="", intended="", digest_before=OLD, digest_intended=NEW, at=NOW,
)  # fmt: skip


class Pods:
    """Pods that take up a new configuration when asked often enough; and the time, which sleeping moves on."""

    def __init__(self, needed: dict[str, int], uid: str = "u1") -> None:
        self.needed, self.uid, self.posts, self.seconds = needed, uid, dict.fromkeys(needed, 0), 0.0
        self.broken: dict[str, KubernetesError] = {}

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    async def get(self, *_: str) -> Body:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "pcscf", "uid": self.uid, "resourceVersion": "7"},
            "spec": {"selector": {"matchLabels": {"app": "pcscf"}}},
        }

    async def list(self, *_: str) -> tuple[Body, ...]:
        return tuple(
            {"metadata": {"name": name}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
            for name in self.needed
        )

    async def call_pod(self, _: str, pod: str, port: int, method: str, path: str) -> str:
        assert port == 8080
        if pod in self.broken:
            raise self.broken[pod]
        if method == "POST":
            assert path == "/-/reload"
            self.posts[pod] += 1
        return f"{NEW if self.posts[pod] >= self.needed[pod] else OLD}\n"


def _effect(pods: Pods) -> HotReloadEffect:
    cluster: Any = pods
    clock: Any = pods
    return HotReloadEffect(cluster, limit_seconds=10, every_seconds=2, clock=clock, sleep=pods.sleep)


async def test_each_pod_is_asked_until_it_reports_the_new_configuration() -> None:
    pods = Pods({"a": 1, "b": 3, "c": 0})

    receipt = await _effect(pods).apply("ims", OPERATION, TARGET)

    assert receipt.state is OperationState.APPLIED
    assert pods.posts == {"a": 1, "b": 3, "c": 0}
    assert pods.seconds == 6
    assert await _effect(pods).in_force("ims", OPERATION, TARGET) == ""


async def test_it_gives_up_in_the_open() -> None:
    receipt = await _effect(Pods({"a": 1, "b": 99})).apply("ims", OPERATION, TARGET)

    assert receipt.state is OperationState.UNKNOWN
    assert "b: 000" in receipt.message


async def test_no_ready_pod_is_no_success() -> None:
    pods = Pods({})

    assert (await _effect(pods).apply("ims", OPERATION, TARGET)).state is OperationState.UNKNOWN
    assert "no pod is ready" in await _effect(pods).in_force("ims", OPERATION, TARGET)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NotFoundError(404, "NotFound", 'pods "b" not found'), OperationState.APPLIED),
        (NotFoundError(404, "", "no such page"), OperationState.UNKNOWN),
        (KubernetesError(503, "ServiceUnavailable", "no answer"), OperationState.UNKNOWN),
    ],
)
async def test_a_pod_that_went_does_not_count_but_a_mute_one_does(error: KubernetesError, state: str) -> None:
    pods = Pods({"a": 1, "b": 0})
    pods.broken["b"] = error

    assert (await _effect(pods).apply("ims", OPERATION, TARGET)).state is state


async def test_pods_that_all_went_confirm_nothing() -> None:
    pods = Pods({"a": 1})
    pods.broken["a"] = NotFoundError(404, "NotFound", "gone")

    assert (await _effect(pods).apply("ims", OPERATION, TARGET)).state is OperationState.UNKNOWN


async def test_another_workload_under_the_same_name_is_left_alone() -> None:
    pods = Pods({"a": 1}, uid="another")

    assert (await _effect(pods).apply("ims", OPERATION, TARGET)).state is OperationState.VOID
    assert pods.posts == {"a": 0}


async def test_its_undo_reloads_what_was_before() -> None:
    undo = await _effect(Pods({"a": 1})).reverse("ims", OPERATION, TARGET, OperationKind.UNDO, 2, NOW)

    assert undo is not None
    assert (undo.digest_before, undo.digest_intended) == (NEW, OLD)
