"""The operations that bring a workload to another size: at once, or instance by instance where these have sessions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count, pairwise

from homeostat.act.mark_for_removal import choose_victims, mark_operation
from homeostat.act.operations import intend
from homeostat.act.scale import FIELD
from homeostat.contracts.operations import Operation, OperationAction, OperationKind, TargetIdentity
from homeostat.flow.facts import Occasion, Pod

MOST_INSTANCES = 8
"""Instances that are ended in one go; what is more follows once these have settled, so that the record stays small."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """Which object gets another size, and as part of what."""

    step: str
    attempt: int
    kind: OperationKind
    target: TargetIdentity
    resource_version: str
    at: datetime

    def operations(self, occasion: Occasion, present: int, wanted: int, first: int) -> tuple[Operation, ...]:
        """From one size to the other, numbered from ``first``; the pods that are to go are marked beforehand."""
        numbers = count(first)
        if wanted >= present:
            return (self._resized(next(numbers), present, wanted),)
        return tuple(self._shrunk(occasion, present, wanted, numbers))

    def _shrunk(self, occasion: Occasion, present: int, wanted: int, numbers: Iterator[int]) -> Iterator[Operation]:
        victims = choose_victims(occasion.workload, wanted)
        if occasion.target.sessions is None:
            yield from (self._marked(pod, next(numbers)) for pod in victims)
            yield self._resized(next(numbers), present, wanted)
            return
        sizes = range(present, max(wanted, present - MOST_INSTANCES) - 1, -1)
        for (before, after), pod in zip(pairwise(sizes), victims, strict=False):
            yield self._marked(pod, next(numbers))
            yield self._resized(next(numbers), before, after, ends=pod.name)

    def _marked(self, pod: Pod, number: int) -> Operation:
        return mark_operation(pod, self.step, self.attempt, self.kind, number, self.at)

    def _resized(self, number: int, before: int, after: int, ends: str = "") -> Operation:
        return intend(
            step=self.step,
            attempt=self.attempt,
            kind=self.kind,
            number=number,
            action=OperationAction.SCALE,
            target=self.target,
            resource_version=self.resource_version,
            field=FIELD,
            before=str(before),
            intended=str(after),
            at=self.at,
            ends=[ends] if ends else [],
        )
