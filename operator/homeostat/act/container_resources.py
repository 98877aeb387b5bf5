"""CPU and memory of a container: what it states, what a step makes of it, and how a record words it (pure).

A record names a value by its place and quantity, such as ``limits.cpu=1500m,requests.cpu=750m``: absolute, readable,
and read back after a restart.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from homeostat.contracts.actions.resize import CpuChange, MemoryChange, ResizeAction
from homeostat.contracts.quantities import quantity
from homeostat.flow.resources import Body

Values = Mapping[str, str]
"""Quantities by their place in ``resources``, such as limits.cpu."""

_SIDES = ("limits", "requests")
_RESOURCES = ("cpu", "memory")
_MEBI = Decimal(1024) ** 2
_UNITS = {"cpu": Decimal(1) / 1000, "memory": _MEBI}
"""What a step is rounded to: a thousandth of a core, a mebibyte."""

_FIELD = re.compile(r"spec\.(template\.spec\.)?containers\[([-a-z0-9]+)\]\.resources")


@dataclass(frozen=True, slots=True)
class ContainerField:
    """The resources of a container, in a pod or in a workload's pod template, as records name them."""

    container: str
    in_template: bool

    def __str__(self) -> str:
        return f"spec.{'template.spec.' if self.in_template else ''}containers[{self.container}].resources"

    @classmethod
    def parse(cls, text: str) -> "ContainerField":
        """Read the name of a field.

        Raises:
            ValueError: it names no resources of a container.
        """
        match = _FIELD.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} names no resources of a container")
        return cls(match[2], in_template=match[1] is not None)

    @property
    def way(self) -> tuple[str, ...]:
        """Where the list of containers stands in the object."""
        return ("spec", "template", "spec", "containers") if self.in_template else ("spec", "containers")

    def containers(self, body: Body) -> Sequence[Body]:
        """All containers beside it; none where the object has no such list."""
        place: Any = body
        for part in self.way:
            place = (place or {}).get(part)
        return place or ()

    def values(self, body: Body) -> Values | None:
        """What the container states of CPU and memory; None where there is no such container."""
        container = next((c for c in self.containers(body) if c["name"] == self.container), None)
        return None if container is None else stated(container.get("resources"))

    def patch(self, body: Body, values: Values) -> dict[str, Any]:
        """The merge patch that writes some values: it replaces lists, so all containers go in it as they were read."""
        place: Any = [
            _with(container, values) if container["name"] == self.container else container
            for container in self.containers(body)
        ]
        for part in reversed(self.way):
            place = {part: place}
        return dict(place)


def _with(container: Body, values: Values) -> dict[str, Any]:
    resources = {**(container.get("resources") or {})}
    for place, value in values.items():
        side, _, resource = place.partition(".")
        resources[side] = {**(resources.get(side) or {}), resource: value}
    return {**container, "resources": resources}


def stated(resources: Body | None) -> Values:
    """Requests and limits of CPU and memory, as far as they are stated."""
    return {
        f"{side}.{resource}": str(given[resource])
        for side in _SIDES
        for resource in _RESOURCES
        if resource in (given := (resources or {}).get(side) or {})
    }


def spelled(values: Values) -> str:
    """The values as a record has them."""
    return ",".join(f"{place}={value}" for place, value in sorted(values.items()))


def read(text: str) -> Values:
    """The values that a record has."""
    return dict(pair.split("=", 1) for pair in text.split(",") if pair)


def has(present: Values | None, wanted: Values) -> bool:
    """Whether the wanted values stand, however they are written: 1500m is 1.5."""
    return present is not None and all(
        place in present and quantity(present[place]) == quantity(value) for place, value in wanted.items()
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """One value as it is to be, and the value that the step counts from.

    Where pods differ, a step counts from the one that is furthest behind: none moves further than the step says.
    """

    place: str
    before: str
    value: str
    sign: int
    limit: str = ""

    @property
    def is_change(self) -> bool:
        """Whether it is to be another value than before."""
        return self.moves(self.before)

    def moves(self, present: str) -> bool:
        """Whether a container that states ``present`` is changed: a step moves none of them the other way."""
        difference = quantity(self.value) - quantity(present)
        return difference * self.sign > 0 if self.sign else difference != 0


def wanted(action: ResizeAction, containers: Sequence[Values]) -> tuple[Wanted, ...]:
    """What the step makes of the values that at least one of the containers states."""
    return tuple(_wanted(action, containers))


def _wanted(action: ResizeAction, containers: Sequence[Values]) -> Iterator[Wanted]:
    for resource, change in action.changes.items():
        for side in sorted(action.of):
            place = f"{side.lower()}.{resource}"
            given = [values[place] for values in containers if place in values]
            if given:
                yield _written(place, change.to, given) if change.to is not None else _stepped(place, change, given)


def _written(place: str, value: str, given: Sequence[str]) -> Wanted:
    others = [present for present in given if quantity(present) != quantity(value)]
    return Wanted(place, max(others or given, key=quantity), value, 0)


def _stepped(place: str, change: CpuChange | MemoryChange, given: Sequence[str]) -> Wanted:
    """The value after a step, rounded away from what it was; a bound shortens a step and never turns it round."""
    if change.by is None:
        raise ValueError(f"{place} is given neither a quantity nor a step")
    unit = _UNITS[place.partition(".")[2]]
    sign = 1 if change.by.startswith("+") else -1
    present = (min if sign > 0 else max)(given, key=quantity)
    units = quantity(present) * (100 + int(change.by.strip("%"))) / 100 / unit
    stepped = max(units.to_integral_value(ROUND_CEILING if sign > 0 else ROUND_FLOOR), Decimal(1))
    bound, name = (change.max, "max") if sign > 0 else (change.min, "min")
    if bound is None or (quantity(bound) - stepped * unit) * sign >= 0:
        return Wanted(place, present, _in_units(int(stepped), place), sign)
    beyond = (quantity(present) - quantity(bound)) * sign >= 0
    return Wanted(place, present, present if beyond else bound, sign, f"{place} at {name} {bound}")


def _in_units(number: int, place: str) -> str:
    if place.endswith("cpu"):
        return f"{number}m" if number % 1000 else str(number // 1000)
    return f"{number}Mi" if number % 1024 else f"{number // 1024}Gi"


def change_of(present: Values, wanted: Sequence[Wanted]) -> Values:
    """What is written to a container that states the present values."""
    return {w.place: w.value for w in wanted if w.place in present and w.moves(present[w.place])}


def request_above_limit(values: Values) -> str:
    """The resource of which more is requested than the limit allows, which Kubernetes refuses; empty if none."""
    for resource in _RESOURCES:
        limit, request = values.get(f"limits.{resource}"), values.get(f"requests.{resource}")
        if limit is not None and request is not None and quantity(request) > quantity(limit):
            return resource
    return ""


def quality_of_service(containers: Sequence[Values]) -> str:
    """The class of a pod, which a change in place must keep.

    Source: Kubernetes, "Pod Quality of Service Classes"; the API server compares it before and after a resize.
    """
    if not any(containers):
        return "BestEffort"
    guaranteed = all(
        f"limits.{resource}" in values and has(values, {f"requests.{resource}": values[f"limits.{resource}"]})
        for values in containers
        for resource in _RESOURCES
    )
    return "Guaranteed" if guaranteed else "Burstable"
