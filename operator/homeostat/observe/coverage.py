"""Whether every ready pod of the targets is behind the measurements; a sum over some of them is no measurement."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import Answer, Pod, Reading, Series, Unknown, Workload
from homeostat.observe.query_plan import any_series_query, coverage_query
from homeostat.observe.questions import Questions
from homeostat.observe.values import part_of, unknown


@dataclass(frozen=True, slots=True)
class Scraped:
    """What a source says of pods: those that jobs know, and those of them that were scraped freshly.

    ``ours`` are the jobs that carry the metrics in question, ``any_job`` all of them.
    """

    known_to_ours: frozenset[str]
    fresh_by_ours: frozenset[str]
    known_to_any: frozenset[str]
    fresh_by_any: frozenset[str]


def expected_pods(source: TelemetrySourceSpec, workload: Workload, now: datetime) -> tuple[Pod, ...]:
    """Ready pods that must be measured by now: ready for longer than discovery and two scrapes."""
    grace = time_to_appear(source)
    return tuple(p for p in workload.ready_pods if p.ready_since is None or now - p.ready_since >= grace)


def time_to_appear(source: TelemetrySourceSpec) -> timedelta:
    """How long a new pod may go without being measured."""
    return parse_duration(source.discovery) + 2 * parse_duration(source.scrape_interval)


async def uncovered(
    questions: Questions,
    namespace: str,
    groups: Mapping[str, Collection[str]],
    metrics: Sequence[str],
    limit: timedelta,
) -> Reading | None:
    """Why the pods of some targets are not all behind the measurements; None if they are.

    ``groups`` maps each target to the names of its pods that must be measured.
    """
    pods = sorted({pod for group in groups.values() for pod in group})
    if not pods:
        return None
    answer = await questions.ask(coverage_query(questions.source, namespace, pods, metrics))
    if answer.failure is not None:
        return _not_asked(answer)
    scraped = scraped_of(answer, questions.source.pod_label, limit)
    missing = [pod for group in groups.values() for pod in missing_of(group, scraped) or ()]
    elsewhere = [pod for group in groups.values() if missing_of(group, scraped) is None for pod in group]
    if elsewhere:
        seen = await questions.ask(any_series_query(questions.source, namespace, elsewhere, limit))
        if seen.failure is not None:
            return _not_asked(seen)
        missing += sorted(set(elsewhere) - _by_pod(seen.series, questions.source.pod_label).keys())
    return _partial(missing, len(pods)) if missing else None


def scraped_of(answer: Answer, pod_label: str, limit: timedelta) -> Scraped:
    """Read the answer of ``coverage_query``."""
    values = [_by_pod(part_of(answer, part), pod_label) for part in range(4)]
    return Scraped(frozenset(values[0]), _fresh(values[1], limit), frozenset(values[2]), _fresh(values[3], limit))


def missing_of(group: Collection[str], scraped: Scraped) -> list[str] | None:
    """Pods of one target that are not scraped; None where no job knows any of them, so that this tells nothing.

    Where a job that carries the metrics knows one pod of the target, that job must scrape them all: another job on
    the same pod, of a sidecar for instance, does not stand in for it.
    """
    if scraped.known_to_ours.intersection(group):
        return sorted(set(group) - scraped.fresh_by_ours)
    if scraped.known_to_any.intersection(group):
        return sorted(set(group) - scraped.fresh_by_any)
    return None


def _fresh(ages: Mapping[str, float], limit: timedelta) -> frozenset[str]:
    return frozenset(pod for pod, age in ages.items() if age <= limit.total_seconds())


def _not_asked(answer: Answer) -> Reading:
    assert answer.failure is not None  # noqa: S101 - callers come here with a failure only
    return unknown(answer.failure, f"whether every ready pod is measured could not be asked: {answer.message}")


def _partial(missing: Iterable[str], expected: int) -> Reading:
    names = sorted(set(missing))
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004 - a line's room
    return unknown(Unknown.PARTIAL, f"{len(names)} of {expected} ready pods are not measured: {shown}")


def _by_pod(series: Iterable[Series], pod_label: str) -> dict[str, float]:
    return {s.labels.get(pod_label, ""): s.value for s in series}
