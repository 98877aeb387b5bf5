"""Leave nothing behind: processes, the node's link, mounts, control groups, the folder. Safe to repeat."""

import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from hack.cluster.addresses import LINK
from hack.cluster.commands import find
from hack.cluster.control_groups import remove_control_groups
from hack.cluster.errors import ClusterError
from hack.cluster.packages import restore_policy
from hack.cluster.processes import end_all, wait_until


def remove(folder: Path, *, node: bool) -> None:
    """Remove a cluster and everything it made on this host."""
    # The first process of the node's namespaces is one of these: with it the kernel ends every process in them,
    # and drops their mounts, links and packet filter rules.
    end_all(folder.name)
    failures = [_failure(lambda: _unmount_below(folder), f"nothing is mounted below {folder}")]
    if node:
        failures.append(_failure(_remove_link, f"the link {LINK} is gone"))
        failures.append(
            _failure(lambda: remove_control_groups(folder), f"the control groups of {folder.name} are gone")
        )
    restore_policy()
    if not any(failures):
        # Last, for its note is what lets a later attempt know of the rest.
        failures.append(_failure(lambda: _remove_folder(folder), f"{folder} is gone"))
    if any(failures):
        raise ClusterError("\n".join(filter(None, failures)))


def _remove_link() -> bool:
    if not _link_exists():
        return True
    ip = find("ip") or "ip"
    # The kernel may remove it first, while it takes the node's network apart.
    subprocess.run([ip, "link", "delete", LINK], capture_output=True, timeout=20, check=False)
    return not _link_exists()


def _link_exists() -> bool:
    return LINK in [name for _, name in socket.if_nameindex()]


def _unmount_below(folder: Path) -> bool:
    mounts = [mount.mountpoint for mount in psutil.disk_partitions(all=True)]
    below = sorted((mount for mount in mounts if Path(mount).is_relative_to(folder)), reverse=True)
    for mount in below:
        umount = find("umount") or "umount"
        subprocess.run([umount, "--lazy", mount], capture_output=True, timeout=20, check=False)
    return not below


def _remove_folder(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _failure(step: Callable[[], bool], what: str) -> str | None:
    try:
        wait_until(step, what, 20)
    except TimeoutError as late:
        return str(late)
    return None
