"""What a witness tells, and what every witness can be asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


class WitnessError(Exception):
    """The witness missed something, or may have: what it tells proves nothing any more."""


@dataclass(frozen=True, slots=True)
class Write:
    """One request that wrote something."""

    at: datetime
    verb: str
    resource: str
    """Plural, with the subresource if it went through one: deployments/scale."""
    name: str
    sent: Any
    """What was asked for, in the shape of the object; an audit log has it whole, a watch the part that changed."""

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S.%f} {self.verb} {self.resource}/{self.name}"


class Witness(Protocol):
    """Who can tell what one client wrote in one namespace."""

    name: str
    """What a person reads of where the figures come from."""

    def mark(self) -> int:
        """Return the present moment, to ask from later."""
        ...

    def writes(self, *resources: str, since: int = 0) -> list[Write]:
        """Return the client's successful writes to these resources, or to all; those of one resource oldest first."""
        ...

    def close(self) -> None:
        """Look no more."""
        ...


def of_resources(writes: Iterable[Write], resources: tuple[str, ...]) -> list[Write]:
    """Return those that went to one of the resources; all of them when none is named."""
    return [write for write in writes if not resources or write.resource in resources]
