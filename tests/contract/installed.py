"""Extensions under contract: those of this interpreter, and the example, installed by nothing but a path.

A third party installs its package beside this checkout, names its cases in the entry points of
``homeostat.contract_cases``, and runs this very suite.
"""

import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.contract.cases.case import ActionCase

CASES = "homeostat.contract_cases"
EXAMPLE = Path(__file__).with_name("extension_example")

_metadata = TemporaryDirectory(prefix="homeostat-extension-")  # goes with the interpreter


def _install(folder: Path, into: Path) -> None:
    """Do what pip does with an editable package: write down its entry points, and let its code be found."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    described = into / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {place}" for name, place in points.items())])
        for group, points in project["entry-points"].items()
    ]
    (described / "entry_points.txt").write_text("\n".join(groups) + "\n", encoding="utf-8")
    sys.path += [str(into), str(folder)]


def installed_cases() -> tuple[ActionCase, ...]:
    """Cases of all installed extensions."""
    if str(EXAMPLE) not in sys.path:
        _install(EXAMPLE, Path(_metadata.name))
    return tuple(case for entry_point in entry_points(group=CASES) for case in entry_point.load())
