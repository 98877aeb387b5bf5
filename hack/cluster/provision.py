"""Provide a cluster: the one entry for the demo, the tests and the benchmarks."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hack.cluster import binaries, local, runs
from hack.cluster.api import Cluster
from hack.cluster.cleanup import remove
from hack.cluster.commands import Progress
from hack.cluster.errors import ClusterError
from hack.cluster.given import GivenCluster
from hack.cluster.kwok import remove_nodes, start_kwok
from hack.cluster.local import LocalCluster
from hack.cluster.places import clusters_folder
from hack.cluster.processes import mark
from hack.cluster.reaper import Reaper


def print_to_stderr(line: str) -> None:
    """Tell a person what is going on."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def provide(*, node: bool = False, kwok_nodes: int = 0, progress: Progress = print_to_stderr) -> Iterator[Cluster]:
    """Yield a cluster: the one KUBECONFIG names, when it is set, else a local one that is removed at the end."""
    given = os.environ.get("KUBECONFIG")
    if not given:
        with _local(node=node, kwok_nodes=kwok_nodes, progress=progress) as cluster:
            yield cluster
    elif (folder := _kept_folder(given)) is not None:
        yield _attach(folder, node=node, kwok_nodes=kwok_nodes)
    else:
        with _given(Path(given), kwok_nodes, progress) as cluster:
            yield cluster


def up(*, node: bool, kwok_nodes: int, progress: Progress = print_to_stderr) -> LocalCluster:
    """Start a local cluster that stays until `down`."""
    folder, reaper = _claim(node=node, progress=progress)
    try:
        cluster = local.start(folder, node=node, kwok_nodes=kwok_nodes, progress=progress)
        runs.keep(folder)
    except BaseException:
        _end(folder, reaper, node=node)
        raise
    reaper.dismiss()
    return cluster


def down() -> list[str]:
    """Remove the clusters that `up` started and what crashed runs left; return their names."""
    return runs.remove_all()


@contextmanager
def _local(*, node: bool, kwok_nodes: int, progress: Progress) -> Iterator[LocalCluster]:
    folder, reaper = _claim(node=node, progress=progress)
    try:
        started = time.monotonic()
        cluster = local.start(folder, node=node, kwok_nodes=kwok_nodes, progress=progress)
        progress(f"Cluster {folder.name} is up after {time.monotonic() - started:.1f} s")
        yield cluster
    finally:
        _end(folder, reaper, node=node)


@contextmanager
def _given(kubeconfig: Path, kwok_nodes: int, progress: Progress) -> Iterator[GivenCluster]:
    folder, reaper = _claim_folder(node=False)
    try:
        cluster = GivenCluster(folder, kubeconfig)
        progress(f"Using the cluster of KUBECONFIG={kubeconfig}: {cluster.server}")
        with ExitStack() as stack:
            stack.callback(cluster.uninstall)
            if kwok_nodes:
                program = binaries.build(binaries.KWOK, progress, mark(folder))["kwok"]
                stack.callback(remove_nodes, cluster)
                start_kwok(cluster, program, kwok_nodes)
            yield cluster
    finally:
        _end(folder, reaper, node=False)


def _claim(*, node: bool, progress: Progress) -> tuple[Path, Reaper]:
    local.check_host(node=node, progress=progress)
    return _claim_folder(node=node)


def _claim_folder(*, node: bool) -> tuple[Path, Reaper]:
    folder = runs.claim(node=node)
    try:
        return folder, Reaper(folder, node=node)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _end(folder: Path, reaper: Reaper, *, node: bool) -> None:
    # The reaper stays on guard until all is gone: a second Ctrl-C here only hands the work over to it.
    remove(folder, node=node)
    reaper.dismiss()


def _kept_folder(kubeconfig: str) -> Path | None:
    folder = Path(kubeconfig).resolve().parent
    return folder if folder.parent == clusters_folder().resolve() else None


def _attach(folder: Path, *, node: bool, kwok_nodes: int) -> LocalCluster:
    cluster = LocalCluster(folder, is_kept=True)
    if node and not cluster.has_node:
        raise ClusterError("the cluster that is up has no real node. First: python -m hack.cluster down")
    if kwok_nodes and not (folder / "logs" / "kwok.log").exists():
        raise ClusterError("the cluster that is up has no KWOK nodes. First: python -m hack.cluster down")
    return cluster
