"""Whether the plan changes an attribute that may not be changed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.actions.patch import group_of
from homeostat.contracts.actions.reconfigure import ConfigFormat
from homeostat.contracts.disallowed import DisallowedAttribute
from homeostat.contracts.operations import Plan
from homeostat.flow.field_paths import tokens_of

from .question import Finding, Question, deny, permit

_CONFIG = re.compile(r"data\[([-._a-zA-Z0-9]+)\](?::(Json|Text)(?=/))?(/.*)", re.DOTALL)
_CONTAINER = re.compile(r"spec\.(?:template\.spec\.)?containers\[([-a-z0-9]+)\]\.resources")
_ANNOTATION = re.compile(r"spec\.template\.metadata\.annotations\[(.+)\]")
_NO_ATTRIBUTE = frozenset({ActionType.EVICT, ActionType.JOB, ActionType.HTTP})
"""Actions that change no attribute themselves. What a runbook or a called system changes is theirs to know."""

_Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Change:
    """A place in the object that is changed; of a ConfigMap also the place in a key."""

    path: _Path
    key: str = ""
    inner: str = ""
    format: ConfigFormat = ConfigFormat.YAML


def disallowed(question: Question) -> Finding:
    """Nothing that is changed is at, below or around a disallowed attribute."""
    rules = question.terms.guardrails.disallowed
    if not rules:
        return permit("no attributes are disallowed")
    broken = broken_rule(rules, question.plan)
    if broken is not None:
        return deny("DisallowedAttribute", f"{_told(broken)} may not be changed")
    return permit("no disallowed attribute is changed")


def broken_rule(rules: Sequence[DisallowedAttribute], plan: Plan) -> DisallowedAttribute | None:
    """The first rule that forbids a plan; None where none does.

    Raises:
        ValueError: the place that a rule names and the one that is changed cannot be compared.
    """
    return next((rule for rule in rules if _is_of_object(rule, plan) and _forbids(rule, plan)), None)


def _is_of_object(rule: DisallowedAttribute, plan: Plan) -> bool:
    target = plan.target
    if rule.ref is None:
        return (target.kind, target.name) == ("ConfigMap", rule.config_map)
    same_kind = (group_of(rule.ref.api_version), rule.ref.kind) == (group_of(target.api_version), target.kind)
    return same_kind and rule.ref.name in {None, target.name}


def _forbids(rule: DisallowedAttribute, plan: Plan) -> bool:
    if rule.ref is None:
        return any(_is_of_key(rule, change) for change in _changes(plan))
    return any(rule.path is None or _overlap(tokens_of(rule.path), change.path) for change in _changes(plan))


def _is_of_key(rule: DisallowedAttribute, change: _Change) -> bool:
    if rule.key is not None and rule.key != change.key:
        return False
    if rule.path is None:
        return True
    in_text = change.format is ConfigFormat.TEXT
    if in_text == rule.path.startswith("/"):
        kind = "a plain text" if in_text else f"in format {change.format}"
        raise ValueError(f"{change.key} is {kind}, and the disallowed path {rule.path} is not a place in such a text")
    if in_text:
        ours, theirs = (text.partition("<value>")[0] for text in (rule.path, change.inner))
        return ours.startswith(theirs) or theirs.startswith(ours)
    return _overlap(tokens_of(rule.path), tokens_of(change.inner))


def _overlap(one: _Path, other: _Path) -> bool:
    """Whether one path is the other, leads to it, or is below it."""
    return all(_may_be_same(a, b) for a, b in zip(one, other, strict=False))


def _may_be_same(one: str, other: str) -> bool:
    """Whether two parts of a path may name the same; an item of a list has an index and many names."""
    if one == other:
        return True
    if one.isdecimal() and other.isdecimal():
        return int(one) == int(other)
    named = [part for part in (one, other) if part.startswith("[")]
    if not named:
        return False
    of = {part[1:-1].partition("=")[0] for part in named}
    return len(named) == 1 or len(of) > 1


def _changes(plan: Plan) -> Iterator[_Change]:
    """What a plan changes, as paths.

    Raises:
        ValueError: what it changes is not known.
    """
    field = plan.field
    if plan.action in _NO_ATTRIBUTE:
        return
    if plan.action is ActionType.PATCH:
        yield from (_Change(tokens_of(path)) for path in field.split(" "))
    elif plan.action is ActionType.SCALE:
        yield _Change(("spec", "replicas"))
    elif plan.action is ActionType.ROLLBACK:
        yield _Change(("spec", "template"))
    elif match := _CONFIG.fullmatch(field):
        key, named, path = match.groups()
        form = ConfigFormat(named) if named else ConfigFormat.YAML
        inner = path.removeprefix("/") if form is ConfigFormat.TEXT else path
        yield _Change(("data", key), key, inner, form)
    elif match := _CONTAINER.fullmatch(field):
        yield _Change(("spec", "template", "spec", "containers", f"[name={match[1]}]", "resources"))
    elif match := _ANNOTATION.fullmatch(field):
        yield _Change(("spec", "template", "metadata", "annotations", match[1]))
    else:
        raise ValueError(f"what {field or 'the plan'} is in the object is not known")


def _told(rule: DisallowedAttribute) -> str:
    named = f"{rule.ref.kind}/{rule.ref.name or '*'}" if rule.ref else f"ConfigMap/{rule.config_map}"
    return ", ".join(part for part in (named, rule.key, rule.path) if part)
