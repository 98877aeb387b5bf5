"""Refusals that all actions share."""

from homeostat.contracts.target import Target
from homeostat.flow.facts import Preview
from homeostat.flow.ports import KubernetesError, NotFoundError

_FORBIDDEN = 403


def not_readable(name: str, error: KubernetesError) -> Preview:
    """The object could not be read: without a look there is no plan."""
    if error.status == _FORBIDDEN:
        message = f"{name} may not be read: {error.message}. Grant the operator's account the verb get on it."
        return Preview(refused="Forbidden", message=message)
    return Preview(refused="ApiServerNotReached", message=f"{name} could not be read: {error.message}")


class RefusedError(Exception):
    """A step cannot be planned."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.preview = Preview(refused=reason, message=message)


def not_found(target: Target, namespace: str, error: NotFoundError) -> Preview:
    """The target is not there, or the server has no such kind."""
    ref = target.ref
    message = f"{ref.kind}/{ref.name} ({ref.api_version}) is not in namespace {namespace}: {error.message}"
    return Preview(refused="TargetNotFound", message=message)
