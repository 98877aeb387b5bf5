"""A real Helm 4 upgrades a release whose fields an act has changed, and then one whose act was taken back."""

import json
from pathlib import Path

import pytest

from hack.cluster import Cluster, ClusterError, print_to_stderr
from hack.cluster.binaries import HELM, build
from hack.cluster.commands import run
from homeostat.cluster.client import ApiCluster
from tests.apiserver.test_after_an_act import RAISE_FLOOR, Scene
from tests.contract.cases.case import workload
from tests.contract.cases.patch import AUTOSCALER

# The first run builds Helm.
pytestmark = [pytest.mark.helm, pytest.mark.timeout(3600)]

_CHART = {"apiVersion": "v2", "name": "edge", "version": "1.0.0"}


class Release:
    """The target's autoscaler as a release of a chart, whose values give the floor."""

    def __init__(self, helm: Path, cluster: Cluster, namespace: str, folder: Path) -> None:
        self._helm, self._cluster, self._namespace, self._folder = helm, cluster, namespace, folder
        (folder / "edge" / "templates").mkdir(parents=True)
        (folder / "edge" / "Chart.yaml").write_text(json.dumps(_CHART))
        body = json.dumps({**AUTOSCALER, "spec": {**AUTOSCALER["spec"], "minReplicas": "FLOOR"}})
        template = body.replace('"FLOOR"', "{{ .Values.floor }}")
        (folder / "edge" / "templates" / "autoscaler.yaml").write_text(template)

    def upgrade(self, floor: int, *options: str) -> str:
        homes = {f"HELM_{part}_HOME": str(self._folder / part.lower()) for part in ("CACHE", "CONFIG", "DATA")}
        where = (f"--kubeconfig={self._cluster.kubeconfig}", f"--namespace={self._namespace}")
        command = (self._helm, "upgrade", "--install", "edge", self._folder / "edge", f"--set=floor={floor}", *where)
        return run([*command, *options], environment=homes, timeout=120)


@pytest.fixture(scope="module")
def helm() -> Path:
    return build(HELM, print_to_stderr)["helm"]


@pytest.fixture
def scene(cluster: Cluster, api: ApiCluster, namespace: str) -> Scene:
    cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(workload("Deployment", "pcscf")))
    return Scene(cluster, api, namespace)


@pytest.fixture
def release(helm: Path, scene: Scene, tmp_path: Path) -> Release:
    release = Release(helm, scene.cluster, scene.namespace, tmp_path)
    release.upgrade(2)
    return release


async def test_the_owner_is_the_release(scene: Scene, release: Release) -> None:  # noqa: ARG001 - it is installed
    (owner,) = (await scene.ownership()).owners

    assert owner.name == f"Helm release {scene.namespace}/edge sets it"
    assert owner.managers == ("helm",)


async def test_an_upgrade_after_an_act_stops_and_names_homeostat_until_it_is_forced(
    scene: Scene, release: Release
) -> None:
    await scene.act(RAISE_FLOOR)

    for floor in (2, 3):
        with pytest.raises(ClusterError) as refused:
            release.upgrade(floor)
        assert 'conflict with "homeostat"' in str(refused.value)
        assert ".spec.minReplicas" in str(refused.value)
        assert await scene.floor() == 4

    release.upgrade(3, "--force-conflicts")
    assert await scene.floor() == 3
    release.upgrade(2)
    assert await scene.floor() == 2


async def test_after_the_undo_the_same_values_go_through_and_others_conflict_once(
    scene: Scene, release: Release
) -> None:
    operation = await scene.act(RAISE_FLOOR)
    await scene.apply(await scene.undo_of(operation))

    release.upgrade(2)
    with pytest.raises(ClusterError, match='conflict with "homeostat"'):
        release.upgrade(3)
    release.upgrade(3, "--force-conflicts")
    release.upgrade(5)

    assert await scene.floor() == 5
