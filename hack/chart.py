"""Render the chart without Helm, for the demo and the tests: it substitutes values and nothing else."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_CHART = Path(__file__).resolve().parent.parent / "charts" / "homeostat"
_SUBSTITUTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_VALUE = re.compile(r"\.Values((?:\.[A-Za-z][A-Za-z0-9]*)+)( \| toJson)?")


class ChartError(ValueError):
    """A template says something that only Helm can render, or names a value that is not given."""


@dataclass(frozen=True, slots=True)
class Release:
    """What Helm calls the release."""

    name: str = "homeostat"
    namespace: str = "homeostat"


def render(template: str, values: Mapping[str, Any], release: Release | None = None) -> str:
    """Fill in plain values, `{{ .Values.a.b }}`, structures, `{{ .Values.a.b | toJson }}`, and the release's names.

    Anything else is a ChartError.
    """
    known = release or Release()
    named = {".Release.Name": known.name, ".Release.Namespace": known.namespace}

    def fill(match: re.Match[str]) -> str:
        expression = match.group(1).strip()
        return named[expression] if expression in named else _value(expression, values)

    rendered = _SUBSTITUTION.sub(fill, template)
    if "{{" in rendered:
        raise ChartError("a template has {{ without }}")
    return rendered


def manifests(values: Mapping[str, Any] | None = None, release: Release | None = None, chart: Path = _CHART) -> str:
    """Render all templates of the chart as one YAML stream; `values` stand above those of values.yaml."""
    merged = _merged(yaml.safe_load((chart / "values.yaml").read_text(encoding="utf-8")), values or {})
    templates = sorted((chart / "templates").glob("*.yaml"))
    return "\n---\n".join(render(path.read_text(encoding="utf-8"), merged, release) for path in templates)


def _value(expression: str, values: Mapping[str, Any]) -> str:
    match = _VALUE.fullmatch(expression)
    if match is None:
        raise ChartError(f"{{{{ {expression} }}}} needs Helm: only .Values and .Release are filled here")
    found: Any = values
    for part in match.group(1).strip(".").split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise ChartError(f"{expression} is not in the values")
        found = found[part]
    if match.group(2):
        return json.dumps(found)
    if not isinstance(found, str | int):
        raise ChartError(f"{expression} is not a plain value")
    return str(found)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        inner = result.get(key)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        result[key] = _merged(inner, value) if both and isinstance(inner, Mapping) else value
    return result
