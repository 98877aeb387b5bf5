"""What an edit of a policy changes for a remediation that is open: it may hold back more, never less (pure)."""

from homeostat.contracts.guardrails import Guardrails
from homeostat.contracts.remediation import Terms


def tightened(terms: Terms, present: Guardrails) -> Terms:
    """The terms of a record with the freezes and disallowed attributes that its policy has by now.

    Windows for changes are added only where the record has none: beside others they would allow more.
    """
    copied = terms.guardrails
    takes_allowed = not any(window.allow for window in copied.windows)
    windows = [w for w in present.windows if w not in copied.windows and (w.deny or takes_allowed)]
    disallowed = [rule for rule in present.disallowed if rule not in copied.disallowed]
    if not windows and not disallowed:
        return terms
    guardrails = copied.model_copy(
        update={"windows": [*copied.windows, *windows], "disallowed": [*copied.disallowed, *disallowed]}
    )
    return terms.model_copy(update={"guardrails": guardrails})
