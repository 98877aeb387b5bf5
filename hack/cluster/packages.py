"""Debian packages: installed when they are missing and we may, without starting the services they bring."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from hack.cluster.commands import Progress, find, run
from hack.cluster.errors import ClusterError
from hack.cluster.places import cache_folder

NODE = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "/usr/lib/cni/ptp": "containernetworking-plugins",
    "iptables": "iptables",
    "ip": "iproute2",
    "conntrack": "conntrack",
    "unshare": "util-linux",
}
PROMETHEUS = {"prometheus": "prometheus"}

POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_ASIDE = Path("/usr/sbin/policy-rc.d.before-homeostat")
POLICY_MARK = "# homeostat: no service starts while its packages are being installed"


def missing_packages(needed: dict[str, str]) -> list[str]:
    """Return the packages whose programs are not on this host."""
    return sorted({package for program, package in needed.items() if not _present(program)})


def ensure(needed: dict[str, str], why: str, progress: Progress) -> None:
    """Install what is missing, or raise an error that holds the command to do so."""
    missing = missing_packages(needed)
    if not missing:
        return
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0:
        raise ClusterError(f"{why} needs {', '.join(missing)}. Install with: sudo {command}")
    if find("apt-get") is None:
        names = ", ".join(missing)
        raise ClusterError(f"{why} needs {names}, and this host has no apt-get. On Debian: {command}")
    progress(f"Installing {', '.join(missing)} (their services stay stopped)")
    _install(missing, command)
    still = missing_packages(needed)
    if still:
        raise ClusterError(f"{', '.join(still)}: installed, but the programs were not found")


def restore_policy() -> None:
    """Put the host's service policy back after a run that was killed half-way."""
    # A lock that is held belongs to an installation under way: it puts the policy back itself.
    with suppress(Timeout), _lock(timeout=0):
        _put_back()


def _put_back() -> None:
    if not _is_ours(POLICY):
        return
    if POLICY_ASIDE.exists():
        POLICY_ASIDE.replace(POLICY)
    else:
        POLICY.unlink()


def _install(packages: Sequence[str], command: str) -> None:
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    arguments = ["apt-get", "install", "--yes", "-qq", "--no-install-recommends", *packages]
    with _lock(timeout=600), _services_stay_stopped():
        try:
            run(arguments, timeout=600, environment=quiet)
        except ClusterError:
            # The package lists of a fresh host are empty or old.
            run(["apt-get", "update", "-qq"], timeout=300, environment=quiet)
            try:
                run(arguments, timeout=600, environment=quiet)
            except ClusterError as failed:
                raise ClusterError(f"{failed}\nTry by hand: {command}") from failed


@contextmanager
def _services_stay_stopped() -> Iterator[None]:
    _put_back()
    if POLICY.exists():
        POLICY.replace(POLICY_ASIDE)
    POLICY.write_text(f"#!/bin/sh\n{POLICY_MARK}\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        _put_back()


def _lock(timeout: float) -> FileLock:
    return FileLock(cache_folder() / "packages.lock", timeout=timeout)


def _is_ours(policy: Path) -> bool:
    return policy.exists() and POLICY_MARK in policy.read_text(errors="replace")


def _present(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else find(program) is not None
