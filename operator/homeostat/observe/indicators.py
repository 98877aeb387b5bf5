"""One indicator of one intent: its value, and whether the samples behind it may be trusted."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.expectation import Expectation
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import Answer, Reading, Unknown
from homeostat.flow.promql import as_vector, fill, metric_names, union
from homeostat.observe.coverage import uncovered
from homeostat.observe.freshness import freshness
from homeostat.observe.query_plan import PART
from homeostat.observe.questions import Questions
from homeostat.observe.values import ratio_of, reading_of, unknown


def freshness_limit(source: TelemetrySourceSpec, at_least: timedelta = timedelta(0)) -> timedelta:
    """Age from which on samples are stale: two scrapes, or longer where data is looked at less often than that."""
    return max(2 * parse_duration(source.scrape_interval), at_least)


@dataclass(frozen=True, slots=True)
class Scope:
    """What indicators are about. ``ready`` are all ready pods; ``groups`` those, by target, that must be measured."""

    namespace: str
    ready: tuple[str, ...]
    groups: Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class Indicators:
    """Reads indicators within one scope, in one look."""

    questions: Questions
    scope: Scope
    limit: timedelta

    async def read(self, expectation: Expectation) -> Reading:
        """The expectation's value, else that of its fallback, else why there is none."""
        window, limit = expectation.window, self._limit(expectation)
        if not self.scope.ready:
            first = unknown(Unknown.NO_READY_PODS, "no pod of any target is ready, so there is nothing to measure")
        elif expectation.ratio is not None:
            parts = [self._filled(q, window) for q in (expectation.ratio.good, expectation.ratio.total)]
            answer = await self.questions.ask(union([as_vector(part) for part in parts], PART))
            seconds = parse_duration(window).total_seconds()
            first = ratio_of(answer, expectation.reduce, seconds, expectation.min_events)
            first = await self.trusted(first, parts, limit)
        else:
            query = self._filled(expectation.query or "", window)
            first = await self.value(query, limit, expectation)
        if first.value is not None or expectation.fallback is None:
            return first
        return await self._fall_back(expectation, first, limit)

    async def value(self, query: str, limit: timedelta, expectation: Expectation | None = None) -> Reading:
        """The one value of a filled query, fresh and from all pods that must be measured."""
        reading = reading_of(await self.questions.ask(query), expectation.reduce if expectation else None)
        return await self.trusted(reading, [query], limit)

    async def trusted(self, reading: Reading, queries: list[str], limit: timedelta) -> Reading:
        """The reading if the samples behind it are fresh and whole, else why they are not."""
        if reading.value is None:
            return reading
        aged = await self._aged(reading, queries, limit)
        if aged.value is None:
            return aged
        metrics = sorted({name for query in queries for name in metric_names(query)})
        gap = await uncovered(self.questions, self.scope.namespace, self.scope.groups, metrics, limit)
        return gap or aged

    async def evidence(self, query: str, window: str) -> Answer:
        """The answer to a comparison, empty where it does not hold; a failure where that cannot be known."""
        filled = self._filled(query, window)
        answer = await self.questions.ask(filled)
        if answer.failure is not None:
            return answer
        age = await self._age([filled], self.limit)
        if isinstance(age, Reading):
            return Answer(failure=age.unknown, message=age.message)
        return answer

    async def _fall_back(self, expectation: Expectation, first: Reading, limit: timedelta) -> Reading:
        """The fallback's value; it need not come from the pods, so their coverage says nothing of it."""
        assert expectation.fallback is not None  # noqa: S101 - the caller checked
        query = self._filled(expectation.fallback.query, expectation.window)
        second = reading_of(await self.questions.ask(query), expectation.reduce)
        second = await self._aged(second, [query], limit)
        if second.value is None:
            return replace(first, message=f"{first.message}; the fallback gives none either: {second.message}")
        return replace(second, message=f"by the fallback, for {first.message}")

    async def _aged(self, reading: Reading, queries: list[str], limit: timedelta) -> Reading:
        if reading.value is None:
            return reading
        age = await self._age(queries, limit)
        return age if isinstance(age, Reading) else replace(reading, age_seconds=age)

    async def _age(self, queries: list[str], limit: timedelta) -> float | Reading:
        return await freshness(self.questions, queries, limit.total_seconds(), self.scope.namespace, self.scope.ready)

    def _filled(self, query: str, window: str) -> str:
        return fill(query, window, namespace=self.scope.namespace)

    def _limit(self, expectation: Expectation) -> timedelta:
        return parse_duration(expectation.max_age) if expectation.max_age else self.limit
