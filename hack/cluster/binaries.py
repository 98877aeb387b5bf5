"""The cluster's programs: built from pinned Go modules, once, and found again by a checksum of all that goes in."""

import hashlib
import os
import platform
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from hack.cluster.commands import Progress
from hack.cluster.errors import ClusterError
from hack.cluster.places import TOOLS, cache_folder
from hack.cluster.toolchain import go

KUBERNETES = "v1.36.3"
_MAJOR, _MINOR = KUBERNETES.removeprefix("v").split(".")[:2]
_VERSION = "k8s.io/component-base/version"
_STAMP = (
    f"-X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}"
    f" -X {_VERSION}.gitTreeState=clean"
)
_STRIPPED = "-s -w"
_TELL_EVERY = 15.0


@dataclass(frozen=True)
class Tool:
    """One program: its module folder in hack/tools, its package, and the seconds a first build takes on two cores."""

    name: str
    module: str
    package: str
    seconds: int
    stamp: str = ""

    @property
    def flags(self) -> str:
        """The linker flags."""
        return f"{_STRIPPED} {self.stamp}".strip()


def _kubernetes(name: str, seconds: int) -> Tool:
    return Tool(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", seconds, _STAMP)


# In building order: the first compiles what the next ones share.
_ALL = (
    Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", 50),
    _kubernetes("kube-apiserver", 395),
    _kubernetes("kube-controller-manager", 100),
    _kubernetes("kube-scheduler", 10),
    _kubernetes("kubelet", 30),
    _kubernetes("kube-proxy", 15),
    Tool("pause", "pause", ".", 10),
    Tool("helm", "helm", "helm.sh/helm/v4/cmd/helm", 360),
    Tool("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", 180),
)
TOOLS_BY_NAME = {tool.name: tool for tool in _ALL}
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE = ("kubelet", "kube-proxy", "pause")
KWOK = ("kwok",)
HELM = ("helm",)


def needed(*, node: bool, kwok: bool) -> tuple[str, ...]:
    """Return the names of the programs a local cluster of this shape needs."""
    return (*CONTROL_PLANE, *(NODE if node else ()), *(KWOK if kwok else ()))


def checksum(tool: Tool, tools: Path = TOOLS) -> str:
    """Return the checksum of everything the program is made from: its module's own files and its flags."""
    digest = hashlib.sha256(f"{tool.package} {tool.flags} {platform.system()} {platform.machine()}".encode())
    for source in sorted((tools / tool.module).iterdir()):
        digest.update(f"\n{source.name}\n".encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def path_of(tool: Tool) -> Path:
    """Return where the built program is, or will be."""
    return cache_folder() / "bin" / f"{tool.name}-{checksum(tool)}"


def build(names: Sequence[str], progress: Progress, environment: dict[str, str] | None = None) -> dict[str, Path]:
    """Build the programs that are not in the cache yet, and return where each one is."""
    wanted = [tool for tool in _ALL if tool.name in names]
    if not all(path_of(tool).exists() for tool in wanted):
        with FileLock(_lock_file(), timeout=-1):
            _build_missing([tool for tool in wanted if not path_of(tool).exists()], progress, environment or {})
    return {tool.name: path_of(tool) for tool in wanted}


def _lock_file() -> Path:
    folder = cache_folder() / "bin"
    folder.mkdir(exist_ok=True)
    return folder / "build.lock"


def _build_missing(missing: Sequence[Tool], progress: Progress, environment: dict[str, str]) -> None:
    if not missing:
        return
    compiler = go(progress)
    left = sum(tool.seconds for tool in missing)
    progress(
        f"Building {', '.join(tool.name for tool in missing)} once, into {cache_folder()}: "
        f"about {_minutes(left)} on two quiet cores"
    )
    for tool in missing:
        started = time.monotonic()
        _build_one(compiler, tool, left, progress, environment)
        left -= tool.seconds
        progress(f"  {tool.name}: built in {time.monotonic() - started:.0f} s")


def _build_one(compiler: Path, tool: Tool, left: int, progress: Progress, environment: dict[str, str]) -> None:
    target = path_of(tool)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    command: list[str | Path] = [
        compiler,
        "build",
        "-trimpath",
        "-buildvcs=false",
        "-mod=readonly",
        "-ldflags",
        tool.flags,
    ]
    own = {"CGO_ENABLED": "0", "GOWORK": "off", "GOTOOLCHAIN": "local", "GOOS": "", "GOARCH": ""}
    log = target.with_name(f"{tool.name}.log")
    try:
        with log.open("w") as output:
            process = subprocess.Popen(
                [*command, "-o", partial, tool.package],
                cwd=TOOLS / tool.module,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **own, **environment},
            )
            status = _follow(process, tool, left, progress)
        if status:
            raise ClusterError(f"building {tool.name} failed:\n{_end_of(log)}")
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def _follow(process: "subprocess.Popen[bytes]", tool: Tool, left: int, progress: Progress) -> int:
    started = time.monotonic()
    # An hour is far beyond the slowest build seen; without network Go itself gives up much earlier.
    while (elapsed := time.monotonic() - started) < 3600:
        try:
            return process.wait(timeout=_TELL_EVERY)
        except subprocess.TimeoutExpired:
            passed = elapsed + _TELL_EVERY
            remaining = max(left - passed, left - tool.seconds)
            progress(f"  {tool.name}: {passed:.0f} s of about {tool.seconds} s; all: about {_minutes(remaining)} left")
        except BaseException:
            process.terminate()
            process.wait(timeout=10)
            raise
    process.kill()
    raise ClusterError(f"building {tool.name} took more than an hour")


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(seconds, 0):.0f} s"
