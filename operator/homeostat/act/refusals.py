"""Refusals that all actions share."""

from homeostat.flow.facts import Preview
from homeostat.flow.ports import KubernetesError

_FORBIDDEN = 403


def not_readable(name: str, error: KubernetesError) -> Preview:
    """The object could not be read: without a look there is no plan."""
    if error.status == _FORBIDDEN:
        message = f"{name} may not be read: {error.message}. Grant the operator's account the verb get on it."
        return Preview(refused="Forbidden", message=message)
    return Preview(refused="ApiServerNotReached", message=f"{name} could not be read: {error.message}")
