"""Run one command to its end, with a deadline and an error a person can act on."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hack.cluster.errors import ClusterError

Progress = Callable[[str], None]


def run(
    command: Sequence[str | Path],
    *,
    timeout: float = 60,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Return the standard output of a command; raise with its standard error when it fails."""
    argv = [str(part) for part in command]
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
    except FileNotFoundError as missing:
        raise ClusterError(f"{argv[0]}: not found") from missing
    except subprocess.TimeoutExpired as late:
        raise ClusterError(f"{shlex.join(argv)}: no answer in {timeout:.0f} s") from late
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise ClusterError(f"{shlex.join(argv)}: exit status {done.returncode}\n{said}")
    return done.stdout


def find(program: str) -> Path | None:
    """Return the path of a program, looking in the system folders too: a user's PATH often lacks sbin."""
    # An empty PATH is what a stripped environment has; the system folders still hold the program.
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
    found = shutil.which(program, path=places)
    return Path(found) if found else None
