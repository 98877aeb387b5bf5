"""The clusters of this user: one folder each, with a note of whose it is."""

import json
import os
import secrets
from pathlib import Path

import psutil

from hack.cluster.cleanup import remove
from hack.cluster.errors import ClusterError
from hack.cluster.places import clusters_folder, clusters_lock
from hack.cluster.processes import is_alive, marked

_NOTE = "owner.json"


def claim(*, node: bool) -> Path:
    """Create the folder of a new cluster; a host holds only one with a real node."""
    with clusters_lock():
        _remove_abandoned()
        if node:
            _refuse_second_node()
        folder = clusters_folder() / secrets.token_hex(4)
        partial = folder.with_suffix(".new")
        partial.mkdir(mode=0o700)
        _write(partial, {"pid": os.getpid(), "started": psutil.Process().create_time(), "kept": False, "node": node})
        partial.rename(folder)
        return folder


def keep(folder: Path) -> None:
    """Let the cluster outlive this process."""
    _write(folder, {**_read(folder), "kept": True})


def is_kept(folder: Path) -> bool:
    """Tell whether the cluster was started by `up`, to stay until `down`."""
    return bool(_read(folder).get("kept"))


def has_node(folder: Path) -> bool:
    """Tell whether the cluster has a real node."""
    return bool(_read(folder).get("node"))


def all_folders() -> list[Path]:
    """Return the folders of all clusters."""
    return sorted(folder for folder in clusters_folder().iterdir() if folder.is_dir())


def is_abandoned(folder: Path) -> bool:
    """Tell whether nobody will end this cluster any more."""
    note = _read(folder)
    if not note:
        return True
    if note["kept"]:
        return not marked(folder.name)
    return not is_alive(int(note["pid"]), float(note["started"]))


def remove_all() -> list[str]:
    """Remove the clusters that stay until told to go, and what crashed runs left; return their names."""
    with clusters_lock():
        removed = _remove_abandoned()
        for folder in filter(is_kept, all_folders()):
            remove(folder, node=has_node(folder))
            removed.append(folder.name)
        return removed


def _remove_abandoned() -> list[str]:
    gone = [folder for folder in all_folders() if is_abandoned(folder)]
    for folder in gone:
        remove(folder, node=has_node(folder))
    return [folder.name for folder in gone]


def _refuse_second_node() -> None:
    for folder in all_folders():
        if has_node(folder):
            note = _read(folder)
            end = "python -m hack.cluster down" if note["kept"] else f"end process {note['pid']}"
            raise ClusterError(f"this host already runs a cluster with a real node ({folder.name}). First: {end}")


def _read(folder: Path) -> dict[str, bool | int | float]:
    try:
        return dict(json.loads((folder / _NOTE).read_text()))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _write(folder: Path, note: dict[str, bool | int | float]) -> None:
    partial = folder / f"{_NOTE}.new"
    partial.write_text(json.dumps(note))
    partial.replace(folder / _NOTE)
