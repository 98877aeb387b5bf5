"""Recognising who else sets a field: controllers of the object, autoscalers, and field managers (pure).

What a tool would do about a changed field follows from whether it holds it in ``managedFields``: Argo CD, Flux and Helm
leave alone what their manifests do not state, whatever their labels say. Labels and annotations only give the name.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from homeostat.cluster.managed_fields import FieldWrite, holders, writes
from homeostat.contracts.actions.patch import AUTOSCALER_BOUNDS, group_of
from homeostat.contracts.common import FIELD_MANAGER, ObjectRef
from homeostat.flow.autoscalers import refers_to, scales
from homeostat.flow.facts import Owner
from homeostat.flow.field_paths import Place
from homeostat.flow.resources import Body

_PEOPLE = "kubectl"
"""How the field managers of kubectl begin: kubectl-client-side-apply, kubectl-edit, kubectl-scale and others."""

_SCALERS = ("kube-controller-manager", "keda")
"""How the field managers begin that set replicas for an autoscaler; whether that still exists is asked for itself."""


@dataclass(frozen=True, slots=True)
class _Tool:
    """A tool that keeps objects as its source says: by which name, and what can be done about it."""

    name: Callable[[Body], str]
    advice: str


def _labelled(text: str, key: str, namespace_key: str = "") -> Callable[[Body], str]:
    def name(body: Body) -> str:
        metadata = body["metadata"]
        marks = {**(metadata.get("labels") or {}), **(metadata.get("annotations") or {})}
        parts = [str(marks[k]) for k in (namespace_key, key) if k and marks.get(k)]
        return f"{text} {'/'.join(parts)}" if parts else text

    return name


def _argo_application(body: Body) -> str:
    metadata = body["metadata"]
    tracking = (metadata.get("annotations") or {}).get("argocd.argoproj.io/tracking-id", "")
    label = (metadata.get("labels") or {}).get("app.kubernetes.io/instance", "")
    application = tracking.partition(":")[0] or label
    return f"Argo CD application {application}" if application else "Argo CD"


_TAKE = "and then name {manager} under guardrails.takeFrom"
_ARGO_CD = _Tool(
    _argo_application,
    "change it in Git; or have Argo CD leave the field alone (ignoreDifferences with the field manager homeostat, and "
    f"the sync option RespectIgnoreDifferences=true), {_TAKE}",
)
_HELM = _Tool(
    _labelled("Helm release", "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"),
    "change the release's values; or take the field out of its templates, or accept that the next upgrade stops at it "
    f"or sets it back, {_TAKE}",
)
_KUSTOMIZATION = _Tool(
    _labelled(
        "Flux Kustomization", "kustomize.toolkit.fluxcd.io/name", namespace_key="kustomize.toolkit.fluxcd.io/namespace"
    ),
    f"change it in Git; or take the field out of the manifest in Git, so that Flux leaves it alone, {_TAKE}",
)
_HELM_RELEASE = _Tool(
    _labelled("Flux HelmRelease", "helm.toolkit.fluxcd.io/name", namespace_key="helm.toolkit.fluxcd.io/namespace"),
    f"change it in Git; or have Flux leave the field alone (spec.driftDetection.ignore), {_TAKE}",
)
_CONFIG_SYNC = _Tool(
    lambda _: "Config Sync",
    f"change the package in Git; or take the field out of the package, {_TAKE}",
)
_TOOLS = {
    "argocd-controller": _ARGO_CD,
    "argocd-application-controller": _ARGO_CD,
    "helm": _HELM,
    "kustomize-controller": _KUSTOMIZATION,
    "helm-controller": _HELM_RELEASE,
    "configsync": _CONFIG_SYNC,
}


def field_owners(body: Body, places: Iterable[Place]) -> tuple[Owner, ...]:
    """The field managers, other than our own, that hold any of these fields."""
    held = [write for place in places for write in holders(body, place) if not _is_stale(write)]
    return tuple(_manager(name, body) for name in sorted({write.manager for write in held} - {FIELD_MANAGER}))


def written_by(body: Body, places: Iterable[Place]) -> str:
    """The field manager that wrote any of these fields last; empty where none is known."""
    # Entries of the scale subresource carry no time; where one holds the field, it has taken it from all others.
    held = [write for place in places for write in holders(body, place)]
    last = max(held, key=lambda write: (write.at is None, write.at.timestamp() if write.at else 0.0), default=None)
    return last.manager if last else ""


def replicas_place(body: Body) -> Place:
    """Where a workload states its replicas; empty where that cannot be told.

    A custom resource may have them anywhere. Whoever wrote them through /scale left the place in managedFields.
    """
    if "replicas" in (body.get("spec") or {}):
        return ("spec", "replicas")
    fields = next((write.fields for write in writes(body) if write.subresource == "scale"), {})
    place: Place = ()
    while len(fields) == 1:
        key, fields = next(iter(fields.items()))
        place = (*place, key.removeprefix("f:"))
    return place


def controller(body: Body) -> Owner | None:
    """The object whose controller made this one and keeps it as it should be; None where there is none."""
    owner = _controlling(body)
    if owner is None:
        return None
    group, name = group_of(owner["apiVersion"]), f"{owner['kind']}/{owner['name']}"
    managers = tuple(sorted({write.manager for write in writes(body) if _writes_spec(write)}))
    knobs = AUTOSCALER_BOUNDS.get((group, owner["kind"]))
    if knobs is not None:
        return Owner(f"{name} controls {_name(body)}", f"patch {_spoken(knobs)} of {name} instead")
    if (group, owner["kind"]) == ("workload.nephio.org", "NFDeployment"):
        return Owner(f"{name} controls {_name(body)}", f"patch spec.capacity of {name} instead", managers)
    return Owner(
        f"{name} controls {_name(body)}",
        f"act on {name} instead, with scale or patch"
        + (f"; or name {' and '.join(managers)} under guardrails.takeFrom" if managers else ""),
        managers,
    )


def autoscalers(scalers: Sequence[Body], ref: ObjectRef) -> tuple[Owner, ...]:
    """The autoscalers that set the replicas of a workload; a HorizontalPodAutoscaler made by KEDA is not the knob."""
    found = {_knob(scaler) for scaler in scalers if scales(scaler, ref)}
    return tuple(
        Owner(
            f"{kind}/{name} scales {ref.kind}/{ref.name}",
            f"it would undo this; add a step that patches its {_spoken(AUTOSCALER_BOUNDS[group, kind])} instead, or "
            "remove it",
        )
        for group, kind, name in sorted(found)
    )


def resizers(bodies: Sequence[Body], ref: ObjectRef) -> tuple[Owner, ...]:
    """The VerticalPodAutoscalers that set the resources of a workload's pods."""
    return tuple(
        Owner(
            f"{_name(body)} sets the resources of {ref.kind}/{ref.name}",
            "it would undo this; change its spec.resourcePolicy, or set its spec.updatePolicy.updateMode to Off",
        )
        for body in bodies
        if refers_to(body["spec"].get("targetRef") or {}, ref)
        and (body["spec"].get("updatePolicy") or {}).get("updateMode") != "Off"
    )


def rollouts(bodies: Sequence[Body], ref: ObjectRef) -> tuple[Owner, ...]:
    """The Argo Rollouts that run a workload in their own pods."""
    return tuple(
        Owner(
            f"{_name(body)} runs the pods of {ref.kind}/{ref.name}",
            f"make {_name(body)} the target of the intent: it has replicas of its own",
        )
        for body in bodies
        if refers_to((body.get("spec") or {}).get("workloadRef") or {}, ref)
    )


def _knob(scaler: Body) -> tuple[str, str, str]:
    """Group, kind and name of the autoscaler, or of the one that made it."""
    made_by = _controlling(scaler)
    if made_by is not None and (group_of(made_by["apiVersion"]), made_by["kind"]) in AUTOSCALER_BOUNDS:
        return group_of(made_by["apiVersion"]), made_by["kind"], made_by["name"]
    return group_of(scaler["apiVersion"]), scaler["kind"], scaler["metadata"]["name"]


def _controlling(body: Body) -> Body | None:
    references = body["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


def _is_stale(write: FieldWrite) -> bool:
    return write.subresource == "scale" and write.manager.startswith(_SCALERS)


def _manager(name: str, body: Body) -> Owner:
    tool = _TOOLS.get(name)
    if tool is not None:
        return Owner(f"{tool.name(body)} sets it", tool.advice.format(manager=name), (name,))
    if name.startswith(_PEOPLE):
        advice = f"someone set it by kubectl; name {name} under guardrails.takeFrom if it may be changed"
        return Owner(f"{name} set it", advice, (name,), is_person=True)
    advice = f"if that is no controller that would set it back, name {name} under guardrails.takeFrom"
    return Owner(f"the field manager {name} sets it", advice, (name,))


def _writes_spec(write: FieldWrite) -> bool:
    ours_or_people = write.manager == FIELD_MANAGER or write.manager.startswith(_PEOPLE)
    return not ours_or_people and not write.subresource and "f:spec" in write.fields


def _name(body: Body) -> str:
    return f"{body['kind']}/{body['metadata']['name']}"


def _spoken(paths: Sequence[str]) -> str:
    return " or ".join(path.removeprefix("/").replace("/", ".") for path in paths)
