"""What a decision or an act is bounded by at this moment: the ceiling as the API server has it, and every record."""

import asyncio
from dataclasses import dataclass

from homeostat.contracts.remediation import Terms
from homeostat.contracts.remediation_policy import Mode
from homeostat.decide.earned import Demotion, demotion
from homeostat.decide.levels import Autonomy, effective_autonomy
from homeostat.flow.past_acts import GuardFacts
from homeostat.flow.resources import CompiledCeiling, CompiledIntent, CompiledPolicy, Refusal
from homeostat.flow.stages import Stages
from homeostat.record.guard_facts import Listing, guard_facts, of_namespace
from homeostat.record.judgements import judged_under, reviewed_under


@dataclass(frozen=True, slots=True)
class Bearings:
    """The ceiling, or why there is none, and the records of all namespaces."""

    ceiling: CompiledCeiling | Refusal
    records: Listing

    def facts(self, stages: Stages, namespace: str) -> GuardFacts:
        """What the guards of one namespace are computed from, with what is unhealthy at this moment."""
        health = stages.health.count(stages.catalog.intents(), namespace, stages.clock.now())
        return guard_facts(of_namespace(self.records, namespace), health, everywhere=self.records)

    def autonomy(
        self, policy: CompiledPolicy | None, intent: CompiledIntent | None, terms: Terms | None = None
    ) -> Autonomy:
        """How far the operator may go for an intent under a policy; ``terms`` are those of a record."""
        return autonomy_of(self.ceiling, policy, intent, terms, earned_by(policy, self.records) if policy else None)


async def take_bearings(stages: Stages) -> Bearings:
    """Read the ceiling and the records.

    Raises:
        KubernetesError: the records could not be listed.
    """
    ceiling, records = await asyncio.gather(stages.ceilings.read(), stages.records.list(""))
    return Bearings(ceiling, records)


def autonomy_of(
    ceiling: CompiledCeiling | Refusal,
    policy: CompiledPolicy | None,
    intent: CompiledIntent | None,
    terms: Terms | None,
    earned: Demotion | None,
) -> Autonomy:
    """The effective level; a record's own terms and the policy as it is now both bound it.

    Raises:
        ValueError: neither a policy nor the terms of a record are given.
    """
    levels = [terms.autonomy_level] if terms else []
    levels += [policy.spec.autonomy_level] if policy else []
    return effective_autonomy(
        ceiling if isinstance(ceiling, Refusal) else ceiling.spec,
        intent.spec.autonomy_level if intent else None,
        min(levels),
        policy.spec.mode if policy else Mode.LIVE,
        earned,
    )


def earned_by(policy: CompiledPolicy, records: Listing) -> Demotion | None:
    """What a policy has lost by how its acts ended."""
    of = policy.stamp.namespace, policy.stamp.name
    return demotion(judged_under(records, *of), reviewed_under(records, *of), policy.spec.escalation)
