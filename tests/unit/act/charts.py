"""The real values of a 5G core, and what the properties of the editors over them share."""

import difflib
import io
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

CHARTS = Path(__file__).parents[4] / "shared" / "data" / "5g-charts" / "charts"

every_chart = pytest.mark.parametrize(
    "chart", sorted(CHARTS.glob("*/values.yaml")) or [CHARTS], ids=lambda path: path.parent.name
)


def values_of(chart: Path) -> str:
    assert chart.is_file(), (
        f"{CHARTS} is not there: the real input files of the tests lie beside the clone, in ../shared"
    )
    return chart.read_text()


def changed_lines(before: str, after: str) -> list[str]:
    """Lines of a diff, with their sign."""
    old, new = (list(io.StringIO(text, newline="")) for text in (before, after))  # U+0085 ends no line in JSON
    diff = list(difflib.unified_diff(old, new, n=0))[2:]
    return [line for line in diff if not line.startswith("@@")]


def common_ends(before: str, after: str) -> int:
    """How many characters at the begin and end of the first text stand in the second as well."""
    head = _common_begin(before, after)
    return head + _common_begin(before[head:][::-1], after[head:][::-1])


def _common_begin(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def put(tree: Any, pointer: str, value: object) -> Any:
    """A copy of a tree with another value at a JSON Pointer."""
    name, more, rest = pointer[1:].partition("/")
    token = name.replace("~1", "/").replace("~0", "~")

    def changed(inner: Any) -> Any:
        return put(inner, f"/{rest}", value) if more else value

    if isinstance(tree, list):
        return [changed(inner) if str(i) == token else inner for i, inner in enumerate(tree)]
    assert isinstance(tree, dict)
    assert token in map(str, tree)
    return {key: changed(inner) if str(key) == token else inner for key, inner in tree.items()}


def at(tree: Any, pointer: str) -> Any:
    for part in pointer[1:].split("/"):
        token = part.replace("~1", "/").replace("~0", "~")
        tree = tree[int(token)] if isinstance(tree, list) else next(v for k, v in tree.items() if str(k) == token)
    return tree


def leaves(tree: Any, pointer: str = "") -> list[str]:
    """JSON Pointers of all scalars of a tree."""
    members = enumerate(tree) if isinstance(tree, list) else tree.items() if isinstance(tree, dict) else None
    if members is None:
        return [pointer]
    escaped = ((str(name).replace("~", "~0").replace("/", "~1"), inner) for name, inner in members)
    return [leaf for name, inner in escaped for leaf in leaves(inner, f"{pointer}/{name}")]


def lists(tree: Any, pointer: str = "") -> list[str]:
    """JSON Pointers of all lists of single values below a tree's root."""
    if not isinstance(tree, list | dict):
        return []
    members = list(enumerate(tree) if isinstance(tree, list) else tree.items())
    escaped = ((str(name).replace("~", "~0").replace("/", "~1"), inner) for name, inner in members)
    found = [leaf for name, inner in escaped for leaf in lists(inner, f"{pointer}/{name}")]
    flat = isinstance(tree, list) and not any(isinstance(inner, list | dict) for inner in tree)
    return [pointer, *found] if flat and pointer else found
