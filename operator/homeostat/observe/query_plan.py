"""Pure: which queries tell how fresh and how complete the series behind a value are.

The timestamp of a computed answer is the time of evaluation and says nothing of the samples behind it, so ages are
asked per selector with ``timestamp()``, against the source's own ``time()``, in one query of one moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.promql import pods_pattern, quoted, union

PART = "homeostat_part"
"""Label that tells the parts of a merged answer apart."""


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds since the newest and the oldest of the last samples behind one selector."""

    newest: float
    oldest: float


def ages_query(selectors: Sequence[str]) -> str:
    """Ages of the newest and the oldest last sample of each selector, two parts per selector."""
    return union(
        [f"time() - {aggregate}(timestamp({selector}))" for selector in selectors for aggregate in ("max", "min")],
        PART,
    )


def ages_of(selectors: Sequence[str], values: Mapping[int, float]) -> dict[str, Ages | None]:
    """Read the answer of ``ages_query``; None for a selector that matches no series."""
    return {
        selector: Ages(values[2 * i], values[2 * i + 1]) if 2 * i in values and 2 * i + 1 in values else None
        for i, selector in enumerate(selectors)
    }


def metric_on_pods(source: TelemetrySourceSpec, metric: str, namespace: str, pods: Iterable[str]) -> str:
    """Any series of a metric from these pods, whatever its other labels."""
    return f"{{__name__={quoted(metric)},{_of_pods(source, namespace, pods)}}}"


def coverage_query(source: TelemetrySourceSpec, namespace: str, pods: Iterable[str], metrics: Sequence[str]) -> str:
    """Which pods are really scraped, and by the jobs that matter. One series per pod and part:

    0. pods that a job carrying one of the metrics knows;
    1. seconds since such a job last scraped the pod with success and got samples;
    2. pods that any job knows;
    3. seconds since any job scraped the pod with success and got samples.

    Coverage rests on ``up``, which Prometheus writes itself at each scrape of a pod. Series that merely carry the pod
    label do not prove that the pod's own metrics arrive: those of cAdvisor come from the kubelet and live on when
    the pod's exporter is gone. The metrics of the query do not prove it either: a counter with labels may rightly
    have no series before its first event. A scrape that succeeds but yields nothing counts as none.
    """
    pod = source.pod_label
    matchers = _of_pods(source, namespace, pods)
    up = f"up{{{matchers}}}"
    healthy = f"(timestamp({up}) and ({up} == 1) unless (scrape_samples_post_metric_relabeling{{{matchers}}} == 0))"
    any_of_ours = f"{{__name__=~{quoted('|'.join(metrics) or 'none')},{matchers}}}"
    return union(
        [
            f"count by ({pod}) ({up} and on (job) {any_of_ours})",
            f"time() - max by ({pod}) ({healthy} and on (job) {any_of_ours})",
            f"count by ({pod}) ({up})",
            f"time() - max by ({pod}) {healthy}",
        ],
        PART,
    )


def any_series_query(source: TelemetrySourceSpec, namespace: str, pods: Iterable[str], limit: timedelta) -> str:
    """Pods with a sample of any series within the limit: for sources that do not keep ``up`` by pod.

    ``last_over_time`` keeps the metric's name; ``timestamp`` drops it, and series of two metrics would collide.
    """
    selector = f"{{{_of_pods(source, namespace, pods)}}}"
    milliseconds = round(limit.total_seconds() * 1000)
    return f"count by ({source.pod_label}) (last_over_time({selector}[{milliseconds}ms]))"


def pod_ages_query(source: TelemetrySourceSpec, selectors: Sequence[str]) -> str:
    """Seconds since the newest sample behind each selector, by pod, one part per selector."""
    return union([f"time() - max by ({source.pod_label}) (timestamp({s}))" for s in selectors], PART)


def _of_pods(source: TelemetrySourceSpec, namespace: str, pods: Iterable[str]) -> str:
    return f'{source.namespace_label}={quoted(namespace)},{source.pod_label}=~"{pods_pattern(pods)}"'
