"""How old the samples behind a query are; a value computed from old samples is as young as its evaluation."""

import math
from collections.abc import Iterable, Sequence

from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import Answer, Reading, Unknown
from homeostat.flow.promql import metric_names, selectors
from homeostat.observe.query_plan import PART, Ages, ages_of, ages_query, metric_on_pods
from homeostat.observe.questions import Questions
from homeostat.observe.values import unknown


async def freshness(
    questions: Questions, queries: Sequence[str], limit: float, namespace: str, pods: Iterable[str]
) -> float | Reading:
    """Seconds since the oldest last sample behind some queries, or why they cannot be trusted.

    A selector without any series counts as "not happened yet" only if these pods expose the same metric with other
    labels and freshly; otherwise nothing is known of it, whatever a query makes of its absence.

    Raises:
        ValueError: a query cannot be used.
    """
    needed = tuple(dict.fromkeys(s for query in queries for s in selectors(query)))
    answer = await questions.ask(ages_query(needed))
    if answer.failure is not None:
        return unknown(answer.failure, f"how old the samples are could not be asked: {answer.message}")
    ages = ages_of(needed, _parts(answer))
    absent = [selector for selector, age in ages.items() if age is None]
    if absent:
        known = await _known_otherwise(questions, absent, namespace, tuple(pods))
        if isinstance(known, Reading):
            return known
        ages |= known
    return judge(ages, limit)


def judge(ages: dict[str, Ages | None], limit: float) -> float | Reading:
    """Largest age in seconds if every selector has fresh series, else why not."""
    for selector, age in ages.items():
        if age is None:
            return unknown(Unknown.NO_DATA, f"no series matches {selector}")
        if age.newest > limit:
            return unknown(
                Unknown.STALE,
                f"the newest sample of {selector} is {age.newest:.0f} s old, fresh is at most {limit:.0f} s",
            )
        if age.oldest > limit:
            return unknown(
                Unknown.PARTIAL,
                f"some series of {selector} have no sample since {age.oldest:.0f} s, fresh is at most {limit:.0f} s",
            )
    return max((age.oldest for age in ages.values() if age is not None), default=0.0)


async def _known_otherwise(
    questions: Questions, absent: Sequence[str], namespace: str, pods: tuple[str, ...]
) -> dict[str, Ages | None] | Reading:
    stand_ins = {s: _without_filters(questions.source, s, namespace, pods) for s in absent}
    needed = tuple(dict.fromkeys(stand_in for stand_in in stand_ins.values() if stand_in))
    if not needed:
        return dict.fromkeys(absent)
    answer = await questions.ask(ages_query(needed))
    if answer.failure is not None:
        return unknown(answer.failure, f"how old the samples are could not be asked: {answer.message}")
    ages = ages_of(needed, _parts(answer))
    return {selector: ages.get(stand_in) for selector, stand_in in stand_ins.items()}


def _without_filters(source: TelemetrySourceSpec, selector: str, namespace: str, pods: tuple[str, ...]) -> str:
    names = metric_names(selector)
    return metric_on_pods(source, names[0], namespace, pods) if names and pods else ""


def _parts(answer: Answer) -> dict[int, float]:
    return {int(s.labels[PART]): s.value for s in answer.series if PART in s.labels and math.isfinite(s.value)}
