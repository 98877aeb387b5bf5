"""One control plane, one Prometheus and one operator for the folder; one namespace per test, warmed up beforehand."""

import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager

import pytest

from hack.cluster import Cluster, ClusterError
from hack.cluster.prometheus import running_prometheus
from hack.cluster.proxy import forward
from hack.installation import LIVE, install_chart, install_kinds
from tests.apiserver.installation import manifest
from tests.loop.api import Api
from tests.loop.cnf import Cnf, Exporters, serving
from tests.loop.kubelet import standing_in
from tests.loop.operator_process import OPERATOR, Operator
from tests.loop.stage import CALM, DECLARED, Stage, eventually

StartPrometheus = Callable[[], AbstractContextManager[str]]
SetStage = Callable[[int], Stage]

USUAL_SIZES = (1, 2)
"""Replicas of the stages that are kept ready."""


@pytest.fixture(scope="session")
def installed(cluster: Cluster) -> Cluster:
    """The kinds and the chart, as an installation for this one operator has them."""
    install_kinds(cluster)
    install_chart(cluster, OPERATOR, LIVE)
    eventually(lambda: _as_administrator(cluster), lambda answer: "Only the operator creates" in answer)
    return cluster


def _as_administrator(cluster: Cluster) -> str:
    try:
        return cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest("default"))
    except ClusterError as refused:
        return str(refused)


@pytest.fixture(scope="session")
def exporters() -> Iterator[Exporters]:
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def start_prometheus(exporters: Exporters, tmp_path_factory: pytest.TempPathFactory) -> StartPrometheus:
    """A real Prometheus that scrapes all pods."""

    @contextmanager
    def running() -> Iterator[str]:
        folder = tmp_path_factory.mktemp("prometheus")
        with running_prometheus(folder, {}) as address:
            (folder / "prometheus.yaml").write_text(exporters.scrape_configuration())
            address.reload()
            yield str(address)

    return running


@pytest.fixture(scope="session")
def set_stage(
    installed: Cluster,
    exporters: Exporters,
    start_prometheus: StartPrometheus,
) -> Iterator[SetStage]:
    """Hand out stages whose pods run and are scraped; the next one warms up while one is played on."""
    with ExitStack() as stack:
        proxy, process = forward(installed, installed.kubeconfig, "api")
        stack.callback(process.stop)
        apis = [stack.enter_context(closing(Api(proxy))) for _ in ("stage", "kubelet")]
        kubelet = stack.enter_context(standing_in(apis[1], exporters))
        prometheus = stack.enter_context(start_prometheus())
        operator = Operator(installed)
        stack.callback(operator.stop)
        warm: dict[int, Stage] = {}
        stack.callback(_strike_all, warm)

        def begin(replicas: int) -> Stage:
            namespace = f"loop-{secrets.token_hex(4)}"
            exporters.cnfs[namespace] = cnf = Cnf()
            stage = Stage(namespace, apis[0], installed, cnf, kubelet, operator, prometheus, proxy)
            stage.build(replicas)
            return stage

        def take(replicas: int) -> Stage:
            stage = warm.pop(replicas, None) or begin(replicas)
            for size in USUAL_SIZES:
                if size not in warm:
                    warm[size] = begin(size)
            stage.wait_until_scraped(replicas)
            return stage

        yield take


def _strike_all(stages: Mapping[int, Stage]) -> None:
    for stage in stages.values():
        stage.strike()


@pytest.fixture
def stage(set_stage: SetStage, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A CNF of one pod under a calm load; ``@pytest.mark.parametrize("stage", [2], indirect=True)`` gives two pods."""
    stage = set_stage(getattr(request, "param", 1))
    stage.operator.ensure_running()
    stage.cnf.offer(CALM)
    failed_before, log_before = request.session.testsfailed, len(stage.operator.log)
    yield stage
    if request.session.testsfailed > failed_before:
        sys.stdout.write(stage.story())
    log = stage.operator.log[log_before:]
    try:
        touched = stage.writes(*DECLARED)
    finally:
        stage.strike()
    assert not touched, "the operator writes nothing but the status of what people declare"
    assert "Traceback" not in log, log
