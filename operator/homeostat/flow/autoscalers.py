"""Which workload an autoscaler is for, as its own object tells it (pure)."""

from collections.abc import Mapping
from typing import Any

from homeostat.contracts.common import ObjectRef
from homeostat.flow.resources import Body


def scales(scaler: Body, ref: ObjectRef) -> bool:
    """Whether a HorizontalPodAutoscaler or a ScaledObject of the same namespace scales a workload.

    A ScaledObject that names no kind means a Deployment.
    """
    stated = (scaler.get("spec") or {}).get("scaleTargetRef") or {}
    if scaler.get("kind") == "ScaledObject":
        stated = {"apiVersion": "apps/v1", "kind": "Deployment", **stated}
    return refers_to(stated, ref)


def refers_to(stated: Mapping[str, Any], ref: ObjectRef) -> bool:
    """Whether a reference in some object means this one; under every version of the group it is the same one."""
    same_group = str(stated.get("apiVersion", "")).partition("/")[0] == ref.api_version.partition("/")[0]
    return same_group and (stated.get("kind"), stated.get("name")) == (ref.kind, ref.name)
