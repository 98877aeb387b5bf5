"""Processes of one cluster: started with a log file and a mark, awaited with a deadline, found again by the mark."""

import os
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from hack.cluster.errors import ClusterError

# Every process of a cluster carries its folder's name in this variable, and its descendants inherit it. A mark
# survives what a list of process ids does not: a caller killed between starting a process and writing it down.
MARK = "HOMEOSTAT_CLUSTER"
_POLL = 0.05
# What this process started, by folder: it has to collect its children when they have been killed.
_STARTED: defaultdict[str, list["Process"]] = defaultdict(list)


def mark(folder: Path) -> dict[str, str]:
    """Return the environment that marks a process as part of the cluster in this folder."""
    return {MARK: folder.name}


class Process:
    """One long-running program."""

    def __init__(
        self, folder: Path, name: str, argv: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = folder / "logs" / f"{name}.log"
        self._argv = [str(part) for part in argv]
        self._environment = {**os.environ, **(environment or {}), **mark(folder)}
        self._popen = self._start()
        _STARTED[folder.name].append(self)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    def has_ended(self) -> bool:
        """Tell whether the process is gone."""
        return self._popen.poll() is not None

    def stop(self, grace: float = 5) -> None:
        """End the process, by force when it does not end by itself."""
        if self.has_ended():
            return
        self._popen.terminate()
        try:
            self._popen.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._popen.kill()
        self._popen.wait(timeout=10)

    def start_again(self) -> None:
        """Start the same program with the same arguments."""
        self.stop()
        self._popen = self._start()

    def wait_until(self, ready: Callable[[], bool], what: str, deadline: float) -> None:
        """Wait for a condition; fail at once when the process ends first."""

        def ready_or_dead() -> bool:
            if self.has_ended():
                raise ClusterError(f"{self.name} ended with status {self._popen.returncode}:\n{self.last_words()}")
            return ready()

        try:
            wait_until(ready_or_dead, what, deadline)
        except TimeoutError as late:
            raise ClusterError(f"{late}\n{self.last_words()}") from late

    def last_words(self, lines: int = 12) -> str:
        """Return the end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _start(self) -> "subprocess.Popen[bytes]":
        self.log.parent.mkdir(exist_ok=True)
        with self.log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal must reach the caller only, who stops things in order.
            return subprocess.Popen(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )


def wait_until(condition: Callable[[], bool], what: str, deadline: float) -> None:
    """Poll a condition until it holds."""
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not so after {deadline:.0f} s")
        time.sleep(_POLL)


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Return ports that are free now; all at once, so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((host, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def opens(host: str, port: int) -> bool:
    """Tell whether a TCP port accepts a connection."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def marked(folder_name: str) -> list[psutil.Process]:
    """Return the live processes of a cluster."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == folder_name and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_all(folder_name: str, deadline: float = 20) -> None:
    """Kill every process of a cluster; look twice, for one may have been starting another."""
    end = time.monotonic() + deadline
    quiet = 0
    while quiet < 2:
        processes = marked(folder_name)
        # Children first: a parent that still lives collects them, and else they stay as zombies for a while.
        ids = {process.pid for process in processes}
        victims = [process for process in processes if _parent(process) in ids] or processes
        for process in victims:
            _kill(process)
        psutil.wait_procs(victims, timeout=2)
        quiet = quiet + 1 if not processes else 0
        if time.monotonic() > end:
            raise ClusterError(f"these processes do not end: {[process.pid for process in processes]}")
        time.sleep(_POLL)
    for started in _STARTED.pop(folder_name, []):
        started.has_ended()


def is_alive(pid: int, started: float) -> bool:
    """Tell whether a process still runs, and is not another one with a recycled id."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()  # psutil compares the start time first: a recycled process id is left alone
    except psutil.NoSuchProcess:
        return
