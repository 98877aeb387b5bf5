"""What the contract suite needs to know of an action: its objects, what it changes, and how others change the same."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hack.cluster import Cluster
from homeostat.cluster.client import ApiCluster
from homeostat.contracts.actions.kinds import Reversal
from homeostat.contracts.operations import Operation
from homeostat.contracts.steps import Step
from homeostat.contracts.target import Target
from homeostat.flow.facts import NOTHING_KNOWN, Variables
from homeostat.flow.resources import Body

NOWHERE = {"homeostat.dev/no-node-has-this": "true"}
"""Node selector that keeps pods away from the nodes of a given cluster; a local one has none here."""


def pod_template(name: str) -> dict[str, Any]:
    container = {"name": "main", "image": "localhost/none:1"}
    return {"metadata": {"labels": {"app": name}}, "spec": {"nodeSelector": NOWHERE, "containers": [container]}}


def workload(kind: str, name: str, replicas: int = 2) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": pod_template(name),
    }
    if kind == "StatefulSet":
        spec |= {"serviceName": name, "podManagementPolicy": "Parallel"}
    if kind == "DaemonSet":
        del spec["replicas"]
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


class Staged(Protocol):
    """A case on stage, as far as a case needs it."""

    cluster: Cluster
    namespace: str
    intentions: tuple[Operation, ...]

    def create(self, body: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class ActionCase:
    """One action on one kind of object."""

    name: str
    objects: tuple[dict[str, Any], ...]
    step: Step
    target: Target
    acted: tuple[str, str, str]
    before: str
    intended: str
    meddling: dict[str, Any]
    meddled: str
    missing: str
    value: Callable[[Body], str]
    """The value in question, as the API server has it."""

    history: tuple[dict[str, Any], ...] = ()
    """Merge patches that made the object what it is, each followed up by its controller before the next."""

    subresource: str = ""
    """Where others change the same."""

    variables: Variables = NOTHING_KNOWN
    """What the step's expressions may speak of."""

    verb: str = "patch"
    """What the operator's account must be granted to act; empty where the API server is only asked."""

    origins: tuple[str, ...] = ()
    """What may be called outside the cluster."""

    of: tuple[str, str, str] | None = None
    """The object that the plan names, where it is not the one that is changed."""

    ready_pods: int = 0
    """So many pods must stand and be ready; there is no kubelet that would make them so."""

    measured: Mapping[str, float] = field(default_factory=dict)
    """What telemetry tells of each pod."""

    ends: bool = False
    """Whether the act ends the object: then one that is gone, however it went, is as intended."""

    reversal: Reversal | None = None
    """What the action says of itself only when it looks: that of an extension."""

    effect_elsewhere: Callable[[ApiCluster, str], Awaitable[str]] | None = None
    """The value in question, where the act leaves the acted object alone and has its effect elsewhere."""

    meddle_elsewhere: Callable[[Staged], None] | None = None
    """How others meddle there."""

    come_into_force: Callable[[Staged], None] | None = None
    """What the test does in place of a node, so that the act comes into force and can be taken back."""

    @property
    def planned(self) -> tuple[str, str, str]:
        """The object that the plan names."""
        return self.of or self.acted

    @property
    def subject(self) -> dict[str, Any]:
        """That object as it is created."""
        return next(o for o in self.objects if o["kind"] == self.planned[1])

    @property
    def reversible(self) -> bool:
        """Whether the action says of itself that it can be taken back."""
        return (self.reversal or self.step.action.spec.reversal) is Reversal.POSSIBLE
