"""After the end, however it comes, the host is as it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from hack.cluster import packages, print_to_stderr, provide
from hack.cluster.commands import find, run
from hack.cluster.places import REPOSITORY, clusters_folder
from hack.cluster.processes import MARK, wait_until

real_node = pytest.mark.skipif(os.geteuid() != 0, reason="a real node needs root")

CALLER = """
import signal, sys
from hack.cluster import provide
# A shell that started the tests in the background has them ignore Ctrl-C, and so their children.
signal.signal(signal.SIGINT, signal.default_int_handler)
with provide(node=True) as cluster:
    cluster.kubectl("run", "pod", "--image=localhost/pause:1", "--image-pull-policy=Never")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/pod", "--timeout=30s")
    print(cluster.folder.name, flush=True)
    sys.stdin.read()
"""
# Where the parts of a node write when nobody keeps them from it.
LITTERED = ["/etc/cni", "/opt/containerd", "/run/containerd", "/run/netns", "/var/lib/cni", "/var/lib/kubelet"]
SETTINGS = ["net/ipv4/ip_forward", "vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops"]


@dataclass
class Host:
    """What a node touches on a host."""

    mounts: list[str]
    links: list[str]
    routes: str
    rules: str
    settings: list[str]
    folders: list[Path]


def host_now() -> Host:
    return Host(
        mounts=Path("/proc/mounts").read_text().splitlines(),
        links=sorted(psutil.net_if_addrs()),
        routes=run(["ip", "route", "show", "table", "all"]),
        rules="\n".join(
            line for line in run([find("iptables-save") or "iptables-save"]).splitlines() if line[0] != "#"
        ),
        settings=[Path("/proc/sys", name).read_text() for name in SETTINGS],
        folders=[path for top in LITTERED for path in [Path(top), *Path(top).glob("*")] if path.exists()],
    )


@pytest.fixture
def before() -> Host:
    packages.ensure(packages.NODE, "this test", print_to_stderr)
    return host_now()


@pytest.fixture
def caller() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", CALLER],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


def processes_of(cluster: str) -> list[str]:
    """Return the processes that carry a cluster's mark or name, its reaper and zombies included."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        environment = process.info["environ"] or {}
        if environment.get(MARK) == cluster or cluster in " ".join(process.info["cmdline"] or []):
            found.append(process.name())
    return found


def namespace_of(pid: int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def assert_nothing_left(cluster: str, before: Host) -> None:
    wait_until(lambda: not processes_of(cluster), "no process is left", 30)
    wait_until(lambda: cluster not in [path.name for path in clusters_folder().iterdir()], "the folder is gone", 30)
    assert not list(Path("/sys/fs/cgroup").glob(f"**/*{cluster}*"))
    assert host_now() == before


@real_node
@pytest.mark.parametrize("ending", ["end", "interrupt", "crash"])
def test_running_cluster_leaves_nothing(ending: str, before: Host, caller: "subprocess.Popen[str]") -> None:
    assert caller.stdin is not None
    assert caller.stdout is not None
    assert caller.stderr is not None
    cluster = caller.stdout.readline().strip()
    assert cluster, caller.stderr.read()
    assert {"containerd", "etcd"} <= {name.partition("-")[0] for name in processes_of(cluster)}
    namespace = namespace_of(int((clusters_folder() / cluster / "namespaces.pid").read_text()))
    inside = [pid for pid in psutil.pids() if namespace_of(pid) == namespace]
    # The first one, containerd, kubelet, kube-proxy and the pod's shim. The pod itself is in a namespace below: that
    # its control group can be removed shows that it is gone.
    assert len(inside) == 5
    if ending == "end":
        caller.stdin.close()
        assert caller.wait(timeout=60) == 0
    elif ending == "interrupt":
        # Ctrl-C reaches the whole group that the terminal holds.
        os.killpg(caller.pid, signal.SIGINT)
        assert caller.wait(timeout=60) == -signal.SIGINT
    else:
        caller.kill()
        caller.wait(timeout=60)
    assert_nothing_left(cluster, before)
    # After a crash it is the host's first process that collects the dead.
    wait_until(lambda: namespace not in map(namespace_of, inside), "the namespace is empty", 30)


@real_node
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL], ids=["interrupt", "crash"])
def test_start_cut_short_leaves_nothing(ending: signal.Signals, before: Host, caller: "subprocess.Popen[str]") -> None:
    known = set(clusters_folder().iterdir())

    def started() -> list[str]:
        new = {folder.name for folder in set(clusters_folder().iterdir()) - known if not folder.suffix}
        return [name for name in new if len(processes_of(name)) > 3]

    wait_until(lambda: bool(started()), "the first parts run", 60)
    cluster = started()[0]
    os.killpg(caller.pid, ending)
    caller.wait(timeout=60)
    assert_nothing_left(cluster, before)


def test_kept_cluster_outlives_its_caller_until_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    # The cache is the user's: only the folder of clusters is this test's own, so that `down` spares a developer's.
    cache = clusters_folder().parent
    (tmp_path / "homeostat").mkdir()
    (tmp_path / "homeostat" / "bin").symlink_to(cache / "bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    command = [sys.executable, "-m", "hack.cluster"]
    said = run([*command, "up"], folder=REPOSITORY, timeout=120)
    kubeconfig = Path(said.strip().removeprefix("export KUBECONFIG="))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    with provide() as cluster:
        assert cluster.is_local
        assert "alice" in cluster.kubectl("auth", "whoami", user="alice")
    with provide() as again:
        again.kubectl("get", "namespaces")
    assert "up, control plane" in run([*command, "status"], folder=REPOSITORY)
    assert kubeconfig.parent.name in run([*command, "down"], folder=REPOSITORY)
    assert not kubeconfig.parent.exists()
    assert not processes_of(kubeconfig.parent.name)
    assert run([*command, "down"], folder=REPOSITORY) == "Nothing to remove\n"
