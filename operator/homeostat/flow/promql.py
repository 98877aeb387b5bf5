"""PromQL as text: filling in placeholders, judging whether a query can be used, and finding the series it reads.

Pure. The parser's own tree walk is cubic in the depth of the tree and very deep nesting overflows its stack, so size
and nesting are bounded on the text first, and the tree is walked here.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import promql_parser

from homeostat.contracts.common import MAX_QUERY_LENGTH

MAX_NESTING = 32
"""Deepest brackets; people's queries stay below ten."""

MAX_TOKENS = 512
"""Most operators, commas and brackets; the parser's time grows with the square of them."""

EVERYWHERE = frozenset({"window", "namespace"})
"""Placeholders that every query may use."""

WITH_PODS = EVERYWHERE | {"pods"}
"""Placeholders of queries that are asked about certain pods."""

_PLACEHOLDER = re.compile(r"\$(window|namespace|pods)\b")
_SAMPLES = {"window": "30s", "namespace": "default", "pods": "a"}
_OPAQUE = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`|#[^\n]*', re.DOTALL)
_TOKEN = re.compile(r"[-+*/%^=<>!,()\[\]{}]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_DURATION = re.compile(r"([0-9]+(ms|s|m|h|d|w))+")
_OBJECT_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_KINDS = {
    promql_parser.NumberLiteral: "Scalar",
    promql_parser.StringLiteral: "String",
    promql_parser.MatrixSelector: "Matrix",
    promql_parser.SubqueryExpr: "Matrix",
}
_OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def fill(query: str, window: str, *, namespace: str = "", pods: Iterable[str] = ()) -> str:
    """Put values in place of ``$window``, ``$namespace`` and ``$pods`` (a regular expression of exact names).

    Raises:
        ValueError: a value that the query needs is missing or not of its kind; nothing is ever guessed.
    """
    names = tuple(pods)

    def value(match: re.Match[str]) -> str:
        match match[1]:
            case "window":
                return _checked_window(window)
            case "namespace":
                return _checked_name(namespace)
            case _:
                return pods_pattern(names)

    return _PLACEHOLDER.sub(value, query)


def pods_pattern(names: Iterable[str]) -> str:
    """A regular expression for exactly these pods, free of characters that any PromQL quote treats specially.

    Raises:
        ValueError: there is no name, or one that no Kubernetes object can have.
    """
    checked = [_checked_name(name) for name in sorted(set(names))]
    if not checked:
        raise ValueError("no pod is named: an empty pattern would match series of no pod at all")
    return "|".join(name.replace(".", "[.]") for name in checked)


def quoted(text: str) -> str:
    """A PromQL string literal for any text."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def check(query: str, placeholders: frozenset[str] = EVERYWHERE) -> str:
    """Why a query cannot be used, as a sentence; empty if it can.

    What the parser does not know is refused: the freshness of the series behind it could not be checked.
    """
    misplaced = sorted({name for name in _PLACEHOLDER.findall(query) if name not in placeholders})
    if misplaced:
        return f"${misplaced[0]} has no meaning here; allowed are {', '.join(f'${p}' for p in sorted(placeholders))}"
    return _verdict(_PLACEHOLDER.sub(lambda m: _SAMPLES[m[1]], query))


@lru_cache(maxsize=4096)
def selectors(query: str) -> tuple[str, ...]:
    """The vector selectors of a filled query without offset and ``@``, each once, in the order they are written.

    Raises:
        ValueError: the query cannot be used.
    """
    found = [_selector(node) for node in _nodes(_parsed(query)) if isinstance(node, promql_parser.VectorSelector)]
    return tuple(dict.fromkeys(found))


def selectors_without(query: str, label: str) -> tuple[str, ...]:
    """The vector selectors of a filled query that say nothing of a label.

    Raises:
        ValueError: the query cannot be used.
    """
    nodes = (node for node in _nodes(_parsed(query)) if isinstance(node, promql_parser.VectorSelector))
    return tuple(dict.fromkeys(_selector(node) for node in nodes if not _is_matched(node, label)))


@lru_cache(maxsize=4096)
def metric_names(query: str) -> tuple[str, ...]:
    """Names of the metrics that a filled query reads, where its selectors name them.

    Raises:
        ValueError: the query cannot be used.
    """
    nodes = [node for node in _nodes(_parsed(query)) if isinstance(node, promql_parser.VectorSelector)]
    return tuple(dict.fromkeys(name for name in map(_metric_name, nodes) if name))


@lru_cache(maxsize=4096)
def as_vector(query: str) -> str:
    """The query as one that gives an instant vector: a scalar becomes a vector of one series without labels.

    Raises:
        ValueError: the query cannot be used.
    """
    return f"vector({query})" if _kind(_parsed(query)) == "Scalar" else query


def union(vectors: Sequence[str], label: str) -> str:
    """One query for several instant vectors, evaluated at one moment; ``label`` carries each one's position."""
    return " or ".join(
        f'label_replace({vector}, "{label}", "{number}", "", "")' for number, vector in enumerate(vectors)
    )


def _verdict(query: str) -> str:
    try:
        kind = _kind(_parsed(query))
        reads = selectors(query)
    except ValueError as error:
        return str(error)
    if kind in {"Matrix", "String"}:
        return "the query gives no value at one moment but a range or a text; wrap a range in rate() or a like function"
    if not reads:
        return "the query reads no series, so it measures nothing"
    nameless = [selector for selector in reads if not metric_names(selector)]
    if nameless:
        return f"{nameless[0]} names no metric: the age of its samples could not be told; name one metric per selector"
    return ""


def _parsed(query: str) -> promql_parser.Expr:
    oversize = _oversize(query)
    if oversize:
        raise ValueError(oversize)
    try:
        return promql_parser.parse(query)
    except ValueError as error:
        raise ValueError(f"PromQL cannot be read: {error}") from error


def _oversize(query: str) -> str:
    structure = _OPAQUE.sub(" ", query)
    if len(structure) > MAX_QUERY_LENGTH:
        return f"the query is longer than {MAX_QUERY_LENGTH} characters"
    tokens = _TOKEN.findall(structure)
    if len(tokens) > MAX_TOKENS:
        return f"the query has more than {MAX_TOKENS} operators, commas and brackets; make it a recording rule"
    depth = deepest = 0
    for token in tokens:
        depth += token in "([{"
        depth -= token in ")]}"
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        return f"the query is nested deeper than {MAX_NESTING} brackets; make its parts recording rules"
    return ""


def _nodes(root: promql_parser.Expr) -> Iterable[promql_parser.Expr]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(_children(node)))


def _children(node: promql_parser.Expr) -> list[promql_parser.Expr]:
    match node:
        case promql_parser.BinaryExpr():
            return [node.lhs, node.rhs]
        case promql_parser.Call():
            return list(node.args)
        case promql_parser.MatrixSelector():
            return [node.vector_selector]
        case promql_parser.AggregateExpr():
            return [node.expr] if node.param is None else [node.expr, node.param]
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            return [node.expr]
        case _:
            return []


def _kind(node: promql_parser.Expr) -> str:
    """Type of a node's value: Vector, Scalar, Matrix or String."""
    match node:
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            return _kind(node.expr)
        case promql_parser.BinaryExpr():
            return "Vector" if "Vector" in {_kind(node.lhs), _kind(node.rhs)} else "Scalar"
        case promql_parser.Call():
            return str(node.func.return_type).removeprefix("ValueType.")
        case _:
            return _KINDS.get(type(node), "Vector")


def _selector(node: promql_parser.VectorSelector) -> str:
    groups = [node.matchers.matchers, *node.matchers.or_matchers]
    inside = " or ".join(text for text in (",".join(map(_matcher, group)) for group in groups) if text)
    if node.name is None:
        return f"{{{inside}}}"
    if _METRIC.fullmatch(node.name):
        return f"{node.name}{{{inside}}}"
    return f"{{{','.join(part for part in (quoted(node.name), inside) if part)}}}"


def _is_matched(node: promql_parser.VectorSelector, label: str) -> bool:
    groups = node.matchers.or_matchers or [node.matchers.matchers]
    return all(any(matcher.name == label for matcher in group) for group in groups)


def _matcher(matcher: promql_parser.Matcher) -> str:
    name = matcher.name if _LABEL.fullmatch(matcher.name) else quoted(matcher.name)
    return f"{name}{_OPERATORS[str(matcher.op).partition('(')[0]]}{quoted(matcher.value)}"


def _metric_name(node: promql_parser.VectorSelector) -> str:
    named = (m.value for m in node.matchers.matchers if m.name == "__name__" and str(m.op) == "MatchOp.Equal")
    return node.name or next(named, "")


def _checked_window(window: str) -> str:
    if not _DURATION.fullmatch(window):
        raise ValueError(f"{window!r} is not a duration such as 30s")
    return window


def _checked_name(name: str) -> str:
    if not _OBJECT_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a Kubernetes object")
    return name
