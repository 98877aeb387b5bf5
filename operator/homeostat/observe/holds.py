"""What holds the operator back, read from the API server itself whenever it is asked: a watch may lag behind."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from homeostat.cluster.managed_fields import last_writer
from homeostat.contracts.annotations import MAINTENANCE_UNTIL, PAUSED_UNTIL, PREFIX, STOPPED
from homeostat.contracts.common import API_VERSION
from homeostat.contracts.maintenance_window import MaintenanceWindowSpec
from homeostat.contracts.target import Target
from homeostat.decide.holds import annotated_work, concerns, rollout, switches, told, window_work
from homeostat.flow.holds import Hold, HoldKind, HoldReason, Holds, Marked
from homeostat.flow.ports import Clock, Cluster, KubernetesError, NotFoundError
from homeostat.flow.resources import Body

_NAMES = {"ServiceIntent": "", "RemediationPolicy": "policy/", "Namespace": "namespace/"}
"""Kinds that switches stand on, as ``kubectl homeostat`` words them."""


class KubernetesHolds:
    """Switches and planned work. ``settle`` is how long after planned work nothing is done yet."""

    def __init__(self, cluster: Cluster, clock: Clock, settle: timedelta) -> None:
        self._cluster, self._clock, self._settle = cluster, clock, settle

    async def read(
        self, namespace: str, intent: str, policy: str, targets: Sequence[Target], since: datetime | None = None
    ) -> Holds:
        """All that holds back acts for an intent under a policy; never raises for a fault of the API server.

        With ``since``, a window counts too that has ended after that moment.
        """
        try:
            objects, windows, workloads = await asyncio.gather(
                self._there(
                    (API_VERSION, "ServiceIntent", namespace, intent),
                    (API_VERSION, "RemediationPolicy", namespace, policy),
                    ("v1", "Namespace", "", namespace),
                ),
                self._cluster.list(API_VERSION, "MaintenanceWindow", namespace),
                self._there(*((t.ref.api_version, t.ref.kind, namespace, t.ref.name) for t in targets)),
            )
        except KubernetesError as error:
            return Holds(unknown=error.message)
        now = self._clock.now()
        declared: Body = next(
            (body for body in objects if body["kind"] == "ServiceIntent"), {"metadata": {"name": intent}}
        )
        of_intent = [body for body in windows if is_for(body, declared, targets)]
        return Holds(
            (
                *(hold for body in objects for hold in switches(marked(body), now)),
                *(hold for body in of_intent for hold in window_holds(body, since or now, now, self._settle)),
                *(hold for body in (*objects, *workloads) for hold in self._annotated(body, now)),
                *(hold for body in workloads for hold in self._rollout(body, now)),
            )
        )

    async def _there(self, *places: tuple[str, str, str, str]) -> list[Body]:
        """Read what is there of several objects."""
        found = await asyncio.gather(*(self._cluster.get(*place) for place in places), return_exceptions=True)
        for answer in found:
            if isinstance(answer, BaseException) and not isinstance(answer, NotFoundError):
                raise answer
        return [answer for answer in found if not isinstance(answer, BaseException)]

    def _annotated(self, body: Body, now: datetime) -> Iterator[Hold]:
        if body["kind"] not in {"ServiceIntent", "RemediationPolicy"}:
            yield from annotated_work(marked(body), now, self._settle)

    def _rollout(self, body: Body, now: datetime) -> Iterator[Hold]:
        written = last_writer(body, ("spec", "template")) if "template" in (body.get("spec") or {}) else None
        if written is not None:
            yield from rollout(body, written.manager, written.at, now, self._settle)


def marked(body: Body) -> Marked:
    """An object as far as people may have marked it."""
    metadata, kind = body["metadata"], body["kind"]
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k.startswith(PREFIX)}
    by = {name: _written(body, name) for name in annotations if name in {PAUSED_UNTIL, STOPPED, MAINTENANCE_UNTIL}}
    name = f"{_NAMES.get(kind, kind.lower() + '/')}{metadata['name']}"
    return Marked(f"{kind} {metadata['name']}", name, annotations, by)


def _written(body: Body, annotation: str) -> str:
    """Who wrote an annotation and when, as far as the API server knows."""
    write = last_writer(body, ("metadata", "annotations", annotation))
    if write is None:
        return ""
    return f"written by {write.manager}{f' at {told(write.at)}' if write.at else ''}"


def is_for(window: Body, intent: Body, targets: Sequence[Target]) -> bool:
    """Whether a window is for an intent or one of its targets; one that cannot be read is for all."""
    try:
        spec = MaintenanceWindowSpec.model_validate(window["spec"])
    except ValidationError:
        return True
    metadata = intent["metadata"]
    return concerns(spec, metadata["name"], metadata.get("labels") or {}, [target.ref for target in targets])


def window_holds(body: Body, since: datetime, now: datetime, settle: timedelta) -> Iterator[Hold]:
    """The planned work of a stored window; one that cannot be read counts as work without an end."""
    name = body["metadata"]["name"]
    try:
        spec = MaintenanceWindowSpec.model_validate(body["spec"])
    except ValidationError:
        message = f"MaintenanceWindow {name} cannot be read: it counts as planned work on everything until it is gone"
        yield Hold(HoldKind.MAINTENANCE, HoldReason.MAINTENANCE_UNREADABLE, message)
        return
    yield from window_work(name, spec, since, now, settle)
