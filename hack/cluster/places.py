"""Where things are kept: the user's cache and the folders of the running clusters."""

import os
from pathlib import Path

from filelock import FileLock

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = REPOSITORY / "hack" / "tools"


def cache_folder() -> Path:
    """Return the folder for everything that outlives a run."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "homeostat"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def clusters_folder() -> Path:
    """Return the folder that holds one folder per cluster."""
    folder = cache_folder() / "clusters"
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


def clusters_lock() -> FileLock:
    """Return the lock under which clusters come and abandoned ones go."""
    return FileLock(cache_folder() / "clusters.lock", timeout=180)
