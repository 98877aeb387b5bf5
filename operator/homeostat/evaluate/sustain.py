"""N of the last M looks decide a state; what is remembered, and when a state turns."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from homeostat.contracts.expectation import Sustain
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.flow.facts import Look

MEMORY = timedelta(minutes=5)
"""How far back looks are remembered at least as long as they fit; verification needs a minute of them."""

_MOST_LOOKS = 600


def remembered(looks: Sequence[Look], of: int, period: timedelta, at: datetime) -> tuple[Look, ...]:
    """The looks worth keeping, oldest first: those of the last five minutes, at most 600, and at least the last ``of``.

    Looks older than both five minutes and twice the time that ``of`` looks take are forgotten: after a long pause of
    the process, what was seen before it must not make up a breach together with what is seen now.
    """
    forgotten = at - max(MEMORY, 2 * of * period)
    first = max(0, len(looks) - _MOST_LOOKS)
    while len(looks) - first > of and looks[first].at <= at - MEMORY:
        first += 1
    while first < len(looks) and looks[first].at <= forgotten:
        first += 1
    return tuple(looks[first:])


def next_state(state: ExpectationStateName, looks: Sequence[Look], sustain: Sustain) -> ExpectationStateName:
    """The state after the latest of these looks, of which there is at least one.

    Unknown: more of the last M looks have no data than N of M can spare. A look that was not made yet is not counted
    as one without data, so that a state restored from storage holds until data decides.
    Violated: N of the last M looks breach, and the latest does. Met: N of them meet the promise and fewer than N
    breach; from Violated, N of them and the latest satisfy the clear value. Everything else holds the state. (That
    fewer than N breach matters where N is half of M or less: looks from before a violation must not help to end it.)
    """
    window = looks[-sustain.of :]
    needed, latest = sustain.breaches, window[-1]
    breaching = sum(look.met is False for look in window)
    if sum(look.met is None for look in window) > sustain.of - needed:
        return ExpectationStateName.UNKNOWN
    if breaching >= needed and latest.met is False:
        return ExpectationStateName.VIOLATED
    if breaching >= needed:
        return state
    if state is ExpectationStateName.VIOLATED:
        recovered = sum(look.cleared is True for look in window) >= needed and latest.cleared is True
        return ExpectationStateName.MET if recovered else state
    return ExpectationStateName.MET if sum(look.met is True for look in window) >= needed else state
