"""What people hold back, as statuses tell it: by what the watches saw, and what the last decision read."""

from homeostat.decide.holds import switches
from homeostat.flow.holds import NO_HOLDS, Hold, Holds
from homeostat.flow.memory import IntentMemory
from homeostat.flow.resources import Body, CompiledIntent
from homeostat.flow.stages import Stages
from homeostat.intake.catalog import WINDOW
from homeostat.observe.holds import is_for, marked, window_holds


def hold_of_object(stages: Stages, body: Body) -> Hold | None:
    """The stop or the pause of an intent or a policy itself."""
    return Holds(tuple(switches(marked(body), stages.clock.now()))).first()


def hold_of_intent(stages: Stages, body: Body, intent: CompiledIntent | None, memory: IntentMemory) -> Hold | None:
    """What holds back acts for an intent.

    That of its namespace, its workloads and its policy is known from the last decision, while an episode is open.
    """
    now, namespace = stages.clock.now(), body["metadata"]["namespace"]
    targets = intent.spec.targets if intent else ()
    found = list(switches(marked(body), now))
    for key in sorted(stages.catalog.keys(WINDOW)):
        window = stages.catalog.stored(WINDOW, *key)
        if window is not None and key[0] == namespace and is_for(window, body, targets):
            found += window_holds(window, now, now, stages.settings.maintenance_settle)
    decided = memory.holds if memory.episode is not None and memory.episode.open else NO_HOLDS
    found += [hold for hold in decided.found if hold.until is None or now < hold.until]
    return Holds(tuple(found)).first()
