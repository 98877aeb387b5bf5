"""Texts that are rendered before anyone reads them: a change of their source is lost, or means something else.

Go, Helm and Jinja templates write ``{{ ... }}`` and ``{% ... %}``, envsubst and its like ``${NAME}``. A file whose own
format has such marks in its strings, such as a Prometheus rule, is no template: so of a text that can be read, only
the place that is to be changed counts.
"""

import re

from homeostat.act.edit_error import EditError, EditReason

_PLACEHOLDERS = ("{{", "{%", "${")
_MARK = re.compile(r"\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}")
_STATEMENT = re.compile(
    r"\{%[-+~]?[ \t]*[a-z]|\{\{[-~]?[ \t]*(?:if|else|end|range|with|define|block|template|include)\b"
)

_WHAT_TO_DO = (
    "change the value that it is filled from instead, or name a ConfigMap whose text is used just as it stands"
)


def refuse_placeholder(value: str, at: str) -> None:
    """Refuse a value that is a placeholder, or holds one.

    Raises:
        EditError: reason KeyIsTemplate.
    """
    if any(mark in value for mark in _PLACEHOLDERS):
        raise EditError(EditReason.TEMPLATE, f"{at} holds a placeholder, {value[:80]}: {_WHAT_TO_DO}")


def refuse_template(text: str, *, readable: bool) -> None:
    """Refuse a text with a template's statements, ``{% if %}`` or ``{{ range }}``; one not ``readable``, with any mark.

    Raises:
        EditError: reason KeyIsTemplate.
    """
    found = (_STATEMENT if readable else _MARK).search(text)
    if found is not None:
        raise template_error(text, found.start())


def template_error(text: str, index: int) -> EditError:
    """The refusal of a template, with the line that shows it to be one."""
    line = text.count("\n", 0, index) + 1
    return EditError(EditReason.TEMPLATE, f"it is a template, as line {line} shows: {_WHAT_TO_DO}")
