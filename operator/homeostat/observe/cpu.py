"""The share of its CPU limit that the busiest ready pod of a target uses."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from homeostat.flow.facts import Pod, Reading, Unknown, Workload
from homeostat.flow.promql import fill, selectors
from homeostat.observe.query_plan import PART, pod_ages_query
from homeostat.observe.questions import Questions
from homeostat.observe.values import by_label, unknown


async def busiest_share(
    questions: Questions, namespace: str, workload: Workload, expected: Sequence[Pod], window: str, limit: timedelta
) -> Reading:
    """Cores used over the limit that the pod states, 0 to about 1, largest over the ready pods.

    Each of the ``expected`` pods must be measured and fresh; a younger one counts where it is.

    Raises:
        ValueError: the source's query of CPU use cannot be used.
    """
    ready = workload.ready_pods
    if not ready:
        return unknown(Unknown.NO_READY_PODS, f"no pod of {workload.target} is ready")
    unlimited = sorted(pod.name for pod in ready if not pod.cpu_limit)
    if unlimited:
        return unknown(
            Unknown.NO_DATA, f"pod {unlimited[0]} states no CPU limit for every container: its share cannot be told"
        )
    query = fill(questions.source.cpu_usage, window, namespace=namespace, pods=[pod.name for pod in ready])
    answer = await questions.ask(query)
    used = by_label(answer, questions.source.pod_label)
    if isinstance(used, Reading):
        return used
    ages = await _fresh_pods(questions, query, limit)
    if isinstance(ages, Reading):
        return ages
    return _largest(workload, expected, {pod: used[pod] for pod in ages if pod in used}, ages, answer.series[0].at)


def _largest(
    workload: Workload, expected: Sequence[Pod], used: Mapping[str, float], ages: Mapping[str, float], at: datetime
) -> Reading:
    missing = sorted(pod.name for pod in expected if pod.name not in used)
    if missing:
        return unknown(Unknown.PARTIAL, f"the CPU use of {', '.join(missing[:5])} is missing or old")
    shares = {p.name: used[p.name] / p.cpu_limit for p in workload.ready_pods if p.cpu_limit and p.name in used}
    if not shares:
        return unknown(Unknown.NO_DATA, f"no ready pod of {workload.target} has its CPU use measured yet")
    if min(shares.values()) < 0:
        return unknown(Unknown.OUT_OF_RANGE, "the CPU use is negative")
    return Reading(value=max(shares.values()), as_of=at, age_seconds=max(ages[pod] for pod in shares))


async def _fresh_pods(questions: Questions, query: str, limit: timedelta) -> dict[str, float] | Reading:
    """Age in seconds of the samples behind each pod's use, for the pods where every selector is fresh enough."""
    needed = selectors(query)
    answer = await questions.ask(pod_ages_query(questions.source, needed))
    if answer.failure is not None:
        return unknown(answer.failure, f"how old the CPU samples are could not be asked: {answer.message}")
    ages: dict[str, list[float]] = {}
    for series in answer.series:
        if PART in series.labels and series.value <= limit.total_seconds():
            ages.setdefault(series.labels.get(questions.source.pod_label, ""), []).append(series.value)
    return {pod: max(known) for pod, known in ages.items() if len(known) == len(needed)}
