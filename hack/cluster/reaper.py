"""A small process that outlives its caller and removes the caller's cluster, however the caller ended."""

import contextlib
import os
import select
import subprocess
import sys
from pathlib import Path

import psutil

from hack.cluster.cleanup import remove
from hack.cluster.places import REPOSITORY, clusters_lock
from hack.cluster.processes import is_alive


class Reaper:
    """Watches this process from a session of its own."""

    def __init__(self, folder: Path, *, node: bool) -> None:
        caller = psutil.Process()
        arguments = [str(folder), str(caller.pid), repr(caller.create_time()), str(int(node))]
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "hack.cluster.reaper", *arguments],
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def dismiss(self) -> None:
        """End the watch: the cluster is gone, or is meant to stay."""
        self._popen.terminate()
        self._popen.wait(timeout=10)


def watch(folder: Path, caller: int, started: float, *, node: bool) -> None:
    """Wait for the caller's end, then remove its cluster."""
    _wait_for_end(caller, started)
    # Under the lock that a new cluster takes: it removes abandoned ones too, and then makes a link of the same name.
    with clusters_lock():
        if folder.exists():
            remove(folder, node=node)


def _wait_for_end(caller: int, started: float) -> None:
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(caller)
        # Asked after the handle is open: from here on the id cannot be recycled unseen.
        if is_alive(caller, started):
            ended = select.poll()
            ended.register(handle, select.POLLIN)
            ended.poll()
        os.close(handle)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), node=sys.argv[4] == "1")
