"""What the guards are computed from, read anew each time."""

from homeostat.flow.past_acts import GuardFacts
from homeostat.flow.stages import Stages
from homeostat.record.guard_facts import guard_facts


async def read_guard_facts(stages: Stages, namespace: str) -> GuardFacts:
    """Read the records of a namespace, and count what is unhealthy at this moment.

    Raises:
        KubernetesError: the records could not be read.
    """
    records = await stages.records.list(namespace)
    return guard_facts(records, stages.health.count(stages.catalog.intents(), namespace, stages.clock.now()))
