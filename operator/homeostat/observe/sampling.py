"""One look at an intent: what its expectations read and how its targets are; and more when a promise is broken."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from homeostat.contracts.causes import CauseRule
from homeostat.contracts.common import parse_duration
from homeostat.contracts.target import Target
from homeostat.flow.facts import Answer, ConfigChange, Observation, Reading, Situation, Unknown, Workload
from homeostat.flow.ports import Clock, KubernetesError, Telemetry, Workloads
from homeostat.flow.promql import fill
from homeostat.flow.resources import CompiledIntent, CompiledSource
from homeostat.observe.by_pod import values_by_pod
from homeostat.observe.coverage import expected_pods, time_to_appear
from homeostat.observe.cpu import busiest_share
from homeostat.observe.indicators import Indicators, Scope, freshness_limit
from homeostat.observe.questions import Questions
from homeostat.observe.values import unknown

log = logging.getLogger(__name__)


class Observer:
    """Looks at intents through telemetry and the API server.

    ``window`` stands for $window where no expectation gives one: CPU use, evidence and drain queries.
    """

    def __init__(
        self, telemetry: Telemetry, workloads: Workloads, clock: Clock, window: timedelta = timedelta(seconds=30)
    ) -> None:
        self._telemetry, self._workloads, self._clock = telemetry, workloads, clock
        self._cpu_window, self._window = window, f"{window.total_seconds():.0f}s"

    async def look(self, intent: CompiledIntent, source: CompiledSource) -> Observation:
        """All expectations and targets of an intent in one go.

        A target that the API server could not be asked about is left out of ``workloads``, and every reading is
        Unknown then: without the list of its ready pods nobody can tell whether the measurements are whole.
        """
        at, expectations = self._clock.now(), intent.spec.expectations
        looks = await asyncio.gather(*(self._target(intent.stamp.namespace, t) for t in intent.spec.targets))
        workloads = {look.target: look for look in looks if isinstance(look, Workload)}
        faults = [look for look in looks if isinstance(look, Reading)]
        if faults:
            return Observation(at=at, readings={e.name: faults[0] for e in expectations}, workloads=workloads)
        async with self._questions(source) as questions:
            indicators = self._indicators(intent, source, questions, tuple(workloads.values()))
            readings = await asyncio.gather(*(indicators.read(e) for e in expectations))
        by_name = {e.name: reading for e, reading in zip(expectations, readings, strict=True)}
        return Observation(at=at, readings=by_name, workloads=workloads)

    async def situation(
        self,
        intent: CompiledIntent,
        source: CompiledSource,
        observation: Observation,
        trigger: str,
        causes: Sequence[CauseRule],
        changes: tuple[ConfigChange, ...],
        load_before: float | None,
    ) -> Situation:
        """What diagnosis needs beyond the observation: the CPU share of each target, and the authors' evidence."""
        workloads = tuple(observation.workloads.values())
        queries = {f"{cause.name}/{rule.name}": rule.query for cause in causes for rule in cause.evidence if rule.query}
        async with self._questions(source) as questions:
            indicators = self._indicators(intent, source, questions, workloads)
            shares, answers = await asyncio.gather(
                asyncio.gather(*(self._share(questions, intent.stamp.namespace, w) for w in workloads)),
                asyncio.gather(*(self._evidence(indicators, query) for query in queries.values())),
            )
        return Situation(
            observation=observation,
            trigger=trigger,
            cpu_share={w.target: share for w, share in zip(workloads, shares, strict=True)},
            answers=dict(zip(queries, answers, strict=True)),
            changes=changes,
            load_before=load_before,
            source=source.stamp.name,
        )

    async def cpu_share(self, source: CompiledSource, namespace: str, workload: Workload) -> Reading:
        """Share of its CPU limit that the busiest ready pod uses, 0 to about 1."""
        async with self._questions(source) as questions:
            return await self._share(questions, namespace, workload)

    async def ask(self, source: CompiledSource, query: str, namespace: str, pods: Iterable[str] = ()) -> Reading:
        """The one value of a query about some pods, each of which must be measured freshly."""
        names = tuple(pods)
        scope = Scope(namespace=namespace, ready=names, groups={"pods": names} if names else {})
        limit = freshness_limit(source.spec)
        try:
            filled = fill(query, self._window, namespace=namespace, pods=names)
            async with self._questions(source) as questions:
                return await Indicators(questions, scope, limit).value(filled, limit)
        except ValueError as error:
            return unknown(Unknown.QUERY_REFUSED, str(error))

    async def by_pod(
        self, source: CompiledSource, query: str, namespace: str, workload: Workload
    ) -> Mapping[str, float] | Reading:
        """The query's value for each pod, by name, or a reading that says why they are not all known.

        Left out are pods so young that what is measured under their name may be a predecessor's.
        """
        now, pods = self._clock.now(), [pod for pod in workload.pods if not pod.terminating]
        if not pods:
            return unknown(Unknown.NO_READY_PODS, f"{workload.target} has no pods")
        try:
            filled = fill(query, self._window, namespace=namespace, pods=[pod.name for pod in pods])
            async with self._questions(source) as questions:
                expected, limit = expected_pods(source.spec, workload, now), freshness_limit(source.spec)
                values = await values_by_pod(questions, namespace, workload, expected, filled, limit)
        except ValueError as error:
            return unknown(Unknown.QUERY_REFUSED, str(error))
        if isinstance(values, Reading):
            return values
        own = self._cpu_window + time_to_appear(source.spec)
        grown = (p for p in pods if p.created is None or now - p.created >= own)
        return {p.name: values[p.name] for p in grown if p.name in values}

    async def _target(self, namespace: str, target: Target) -> Workload | Reading:
        try:
            return await self._workloads.look(namespace, target)
        except KubernetesError as error:
            log.warning("target %s/%s could not be read: %s", namespace, target.ref.name, error)
            return unknown(
                Unknown.PARTIAL,
                f"the API server did not tell which pods of {target.ref.name} are ready: {error.message}",
            )

    async def _share(self, questions: Questions, namespace: str, workload: Workload) -> Reading:
        """CPU samples may be as old as the window: the kubelet takes them every 10 to 20 s, however often asked."""
        expected = expected_pods(questions.source, workload, self._clock.now())
        limit = freshness_limit(questions.source, self._cpu_window)
        try:
            return await busiest_share(questions, namespace, workload, expected, self._window, limit)
        except ValueError as error:
            return unknown(Unknown.QUERY_REFUSED, f"cpuUsage of the telemetry source: {error}")

    async def _evidence(self, indicators: Indicators, query: str) -> Answer:
        try:
            return await indicators.evidence(query, self._window)
        except ValueError as error:
            return Answer(failure=Unknown.QUERY_REFUSED, message=str(error))

    def _indicators(
        self, intent: CompiledIntent, source: CompiledSource, questions: Questions, workloads: Sequence[Workload]
    ) -> Indicators:
        now = self._clock.now()
        scope = Scope(
            namespace=intent.stamp.namespace,
            ready=tuple(pod.name for workload in workloads for pod in workload.ready_pods),
            groups={w.target: tuple(p.name for p in expected_pods(source.spec, w, now)) for w in workloads},
        )
        limit = freshness_limit(source.spec, parse_duration(intent.spec.observation_period))
        return Indicators(questions, scope, limit)

    @asynccontextmanager
    async def _questions(self, source: CompiledSource) -> AsyncIterator[Questions]:
        questions = Questions(self._telemetry, source.spec)
        try:
            yield questions
        finally:
            questions.abandon()
