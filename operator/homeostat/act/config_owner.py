"""Which ConfigMaps cannot be edited in place; who else writes one, ``observe.owners`` tells as of any object."""

import re

from homeostat.act.refusals import RefusedError
from homeostat.flow.resources import Body

_MANAGED_BY = "app.kubernetes.io/managed-by"
_PACKAGERS = frozenset({"helm", "tiller", "kustomize", "kubectl"})
"""Who label what they make, and do not watch over it afterwards."""

_HASH_SUFFIX = re.compile(r".+-[2456789bcdfghkmt]{10}")
"""The signs of a kustomize hash: it writes 0, 1, 3, a and e as others, so that no word comes out."""


def refuse_if_replaced(config_map: Body) -> None:
    """Refuse a ConfigMap that is never changed, but replaced by another one.

    Raises:
        RefusedError: with what to do instead.
    """
    metadata = config_map["metadata"]
    name = metadata["name"]
    if config_map.get("immutable"):
        message = (
            f"ConfigMap {name} is immutable: it can only be replaced by a new one. Roll out the workload with a new "
            "ConfigMap where it is defined"
        )
        raise RefusedError("ConfigMapImmutable", message)
    if _HASH_SUFFIX.fullmatch(name):
        message = (
            f"the name of ConfigMap {name} carries a digest of its content, as kustomize makes it: the next rollout "
            "uses another one. Change its source, or set disableNameSuffixHash in its configMapGenerator"
        )
        raise RefusedError("ConfigMapGenerated", message)


def warning_of_others(config_map: Body) -> str:
    """Who may write the ConfigMap back, as a clause to add to a sentence; empty where nobody is known to."""
    manager = str((config_map["metadata"].get("labels") or {}).get(_MANAGED_BY, ""))
    if not manager or manager.lower() in _PACKAGERS:
        return ""
    return f" (its label says that {manager} manages it, which may write it back)"
