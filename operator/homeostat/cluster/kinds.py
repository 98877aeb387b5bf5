"""What the API server calls a kind in its paths: a small cache of its discovery, one group version at a time."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from homeostat.flow.ports import Clock, NotFoundError

_FRESH_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind as served."""

    root: str
    plural: str
    namespaced: bool
    subresources: frozenset[str] = frozenset()

    def path(self, namespace: str, name: str = "", subresource: str = "") -> str:
        """Path of an object, of its subresource, or, without a name, of the collection.

        Raises:
            ValueError: a namespaced object without a namespace.
        """
        if self.namespaced and name and not namespace:
            raise ValueError(f"{self.plural}/{name} needs a namespace")
        parts = ["namespaces", namespace] if self.namespaced and namespace else []
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join([self.root, *(quote(part, safe="") for part in parts)])


class Kinds:
    """Kinds by api version, asked when first needed; a kind that is not known yet is asked for each time."""

    def __init__(self, read: Callable[[str], Awaitable[Mapping[str, Any]]], clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._known: dict[str, tuple[float, dict[str, Kind]]] = {}

    async def find(self, api_version: str, kind: str) -> Kind:
        """How a kind is served.

        Raises:
            NotFoundError: the API server has no such group version or kind.
        """
        asked_at, kinds = self._known.get(api_version, (float("-inf"), {}))
        if kind not in kinds or self._clock.monotonic() - asked_at > _FRESH_SECONDS:
            kinds = await self._discover(api_version)
            self._known[api_version] = (self._clock.monotonic(), kinds)
        if kind not in kinds:
            raise _no_kind(api_version, kind)
        return kinds[kind]

    async def _discover(self, api_version: str) -> dict[str, Kind]:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            answer = await self._read(root)
        except NotFoundError:
            return {}
        resources = answer.get("resources") or ()
        below = [resource["name"].partition("/") for resource in resources if "/" in resource["name"]]
        return {
            resource["kind"]: Kind(
                root,
                resource["name"],
                resource["namespaced"],
                frozenset(subresource for plural, _, subresource in below if plural == resource["name"]),
            )
            for resource in resources
            if "/" not in resource["name"]
        }


def _no_kind(api_version: str, kind: str) -> NotFoundError:
    return NotFoundError(
        404,
        "NoSuchKind",
        f"the API server has no kind {kind} in {api_version}: check apiVersion and kind, or install its CRD",
    )
