"""The control group that holds the pods of one cluster, on hosts of either version."""

import contextlib
from pathlib import Path


def control_group(folder: Path) -> str:
    """Return the name of the group."""
    return f"homeostat-{folder.name}"


def create_control_groups(folder: Path) -> None:
    """Create the group in every hierarchy of this host."""
    for hierarchy in _hierarchies():
        _offer_controllers(hierarchy)
        (hierarchy / control_group(folder)).mkdir(exist_ok=True)


def remove_control_groups(folder: Path) -> bool:
    """Remove the group and all below it; return whether it is gone."""
    tops = [hierarchy / control_group(folder) for hierarchy in _hierarchies()]
    for top in tops:
        for group in [*sorted((path for path in top.rglob("*") if path.is_dir()), reverse=True), top]:
            # Busy while the kernel still ends the last process in it: the caller tries again.
            with contextlib.suppress(OSError):
                group.rmdir()
    return not any(top.exists() for top in tops)


def _hierarchies() -> list[Path]:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return [Path(fields[1]) for fields in mounts if fields[2] in {"cgroup", "cgroup2"}]


def _offer_controllers(hierarchy: Path) -> None:
    # In version 2 a group has only the controllers its parent hands down, and the kubelet insists on all of them.
    offered = hierarchy / "cgroup.controllers"
    if not offered.exists():
        return
    for controller in offered.read_text().split():
        with contextlib.suppress(OSError):
            (hierarchy / "cgroup.subtree_control").write_text(f"+{controller}")
