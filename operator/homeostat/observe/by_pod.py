"""The value of a query for each pod of a target, where none that should be known is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from homeostat.flow.facts import Answer, Pod, Reading, Unknown, Workload
from homeostat.flow.promql import metric_names, selectors_without
from homeostat.observe.coverage import uncovered
from homeostat.observe.freshness import freshness
from homeostat.observe.questions import Questions
from homeostat.observe.values import by_label, unknown


async def values_by_pod(
    questions: Questions, namespace: str, workload: Workload, expected: Sequence[Pod], query: str, limit: timedelta
) -> Mapping[str, float] | Reading:
    """The value of each pod that has one, if the samples are fresh and each of the ``expected`` pods is among them.

    Raises:
        ValueError: the query cannot be used.
    """
    source = questions.source
    anywhere = selectors_without(query, source.namespace_label)
    if anywhere:
        message = (
            f"{anywhere[0]} says nothing of the label {source.namespace_label}: a pod of the same name in another "
            f'namespace would be taken for one of this target; add {source.namespace_label}="$namespace"'
        )
        return unknown(Unknown.QUERY_REFUSED, message)
    answer = await questions.ask(query)
    values = by_label(_of_namespace(answer, source.namespace_label, namespace), source.pod_label)
    if isinstance(values, Reading):
        return values
    age = await freshness(
        questions, [query], limit.total_seconds(), namespace, [pod.name for pod in workload.ready_pods]
    )
    if isinstance(age, Reading):
        return age
    names = [pod.name for pod in expected]
    gap = await uncovered(questions, namespace, {workload.target: names}, metric_names(query), limit)
    if gap is not None:
        return gap
    missing = sorted(name for name in names if name not in values)
    if missing:
        return unknown(Unknown.PARTIAL, f"the query gives no value for {', '.join(missing[:5])}")
    return values


def _of_namespace(answer: Answer, label: str, namespace: str) -> Answer:
    return replace(answer, series=tuple(s for s in answer.series if s.labels.get(label, namespace) == namespace))
