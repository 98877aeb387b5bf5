"""Which version of each intent and policy is in force.

A new version comes into force once what it refers to has been checked. Until then, and while it is refused, the last
good version stays in force and nothing else is disturbed.
"""

from collections.abc import Awaitable

from homeostat.flow.ports import KubernetesError
from homeostat.flow.readiness import check_intent, check_policy
from homeostat.flow.resources import CompiledIntent, CompiledPolicy, Refusal
from homeostat.flow.stages import Stages

Key = tuple[str, str]
"""Namespace and name."""


class InForce:
    """Versions in force, and why others are not."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._intents: dict[Key, CompiledIntent] = {}
        self._policies: dict[Key, CompiledPolicy] = {}
        self._refused: dict[tuple[str, str, str], Refusal] = {}

    def intent(self, key: Key) -> CompiledIntent | None:
        """The intent in force; None where none is."""
        return self._intents.get(key)

    def policy(self, key: Key) -> CompiledPolicy | None:
        """The policy in force; None where none is."""
        return self._policies.get(key)

    def intents(self, namespace: str) -> tuple[CompiledIntent, ...]:
        """Intents in force in a namespace."""
        return tuple(i for (ns, _), i in sorted(self._intents.items()) if ns == namespace)

    def policies(self, namespace: str) -> tuple[CompiledPolicy, ...]:
        """Policies in force in a namespace."""
        return tuple(p for (ns, _), p in sorted(self._policies.items()) if ns == namespace)

    def refusal(self, kind: str, key: Key) -> Refusal | None:
        """Why the newest version is not in force, or not ready; None if it is."""
        return self._stages.catalog.refusal(kind, *key) or self._refused.get((kind, *key))

    async def take_intent(self, key: Key) -> None:
        """Check an intent's newest good version, and put it in force if it passes."""
        newest = self._stages.catalog.intents().get(key)
        if newest is None:
            self._intents.pop(key, None)
            self._refused.pop(("ServiceIntent", *key), None)
            return
        refusal = await self._checked(check_intent(self._stages, newest))
        self._remember("ServiceIntent", key, refusal)
        if refusal is None:
            self._intents[key] = newest

    async def take_policy(self, key: Key) -> None:
        """Check a policy's newest good version, and put it in force if it passes."""
        newest = self._stages.catalog.policies().get(key)
        if newest is None:
            self._policies.pop(key, None)
            self._refused.pop(("RemediationPolicy", *key), None)
            return
        refusal = await self._checked(check_policy(self._stages, newest, self.intents(key[0])))
        self._remember("RemediationPolicy", key, refusal)
        if refusal is None:
            self._policies[key] = newest

    async def _checked(self, check: Awaitable[Refusal | None]) -> Refusal | None:
        try:
            return await check
        except KubernetesError as error:
            return Refusal("ApiServerNotReached", f"what it refers to could not be checked: {error.message}")

    def _remember(self, kind: str, key: Key, refusal: Refusal | None) -> None:
        if refusal is None:
            self._refused.pop((kind, *key), None)
        else:
            self._refused[(kind, *key)] = refusal
