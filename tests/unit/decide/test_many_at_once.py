"""Guards that look beyond the one act: storms, flapping, others of the policy, other failure domains."""

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from homeostat.contracts.guardrails import DomainGuard, FlapBudget, StormGuard, StormIn, StormOf
from homeostat.contracts.remediation import GuardVerdictName
from homeostat.flow.past_acts import PastEpisode, Population, PromiseRef
from tests.unit.decide.building import CALM, NOW, PROMISE, act, storm, terms, workload
from tests.unit.decide.test_guardrails import check

PERMIT, DENY, INDETERMINATE = GuardVerdictName.PERMIT, GuardVerdictName.DENY, GuardVerdictName.INDETERMINATE


@pytest.mark.parametrize(
    ("unhealthy", "total", "unknown", "verdict"),
    [
        (0, 0, 0, PERMIT),
        (1, 1, 0, PERMIT),
        (2, 2, 0, PERMIT),
        (1, 3, 0, PERMIT),
        (2, 3, 0, DENY),
        (2, 5, 0, DENY),
        (1, 5, 0, PERMIT),
        (39, 100, 0, PERMIT),
        (40, 100, 0, DENY),
        (39, 100, 1, INDETERMINATE),
        (1, 100, 38, PERMIT),
        (1, 100, 39, INDETERMINATE),
        (0, 2, 2, PERMIT),
        (0, 3, 3, INDETERMINATE),
    ],
)
def test_a_storm_is_told_by_its_share(unhealthy, total, unknown, verdict):
    assert check(health=storm(unhealthy, total, unknown))["Storm"].verdict is verdict


def test_a_storm_is_named():
    verdict = check(health=storm(5, 12))["Storm"]
    assert verdict.reason == "Storm"
    assert verdict.message.startswith("5 of 12 intents of the namespace are unhealthy, which is 40% or more")


@pytest.mark.parametrize("of", StormOf)
@pytest.mark.parametrize("where", StormIn)
def test_what_the_policy_names_is_counted(of, where):
    under = terms(storm_guard=StormGuard.model_validate({"of": of, "in": where}))
    health = {**CALM, (of, where): Population(10, 9, 0)}
    assert check(under=under, health=health)["Storm"].verdict is DENY
    others = {**storm(9, 10), (of, where): Population(10, 0, 0)}
    assert check(under=under, health=others)["Storm"].verdict is PERMIT


def test_a_storm_guard_that_was_told_nothing_denies():
    assert check(health=None)["Storm"].verdict is INDETERMINATE


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(1, 100), st.integers(1, 20))
@example(2, 3, 0, 40, 5)
def test_no_act_passes_where_the_share_is_or_could_be_reached(unhealthy, healthy, unknown, percent, least):
    total = unhealthy + healthy + unknown
    under = terms(storm_guard=StormGuard(max=f"{percent}%", min_population=least))
    verdict = check(under=under, health=storm(unhealthy, total, unknown))["Storm"].verdict
    if total < least:
        assert verdict is PERMIT
    else:
        known, possible = Fraction(unhealthy, total), Fraction(unhealthy + unknown, total)
        limit = Fraction(percent, 100)
        assert verdict is (DENY if known >= limit else INDETERMINATE if possible >= limit else PERMIT)


def episode(record: str, minutes_ago: float, promise: PromiseRef = PROMISE) -> PastEpisode:
    return PastEpisode(record, promise, NOW - timedelta(minutes=minutes_ago))


FLAPPING = terms(flapping=FlapBudget(limit=3, per="1h"))


@pytest.mark.parametrize(
    ("episodes", "reason"),
    [
        ([], ""),
        ([episode("a", 10), episode("b", 20)], ""),
        ([episode("a", 10), episode("b", 20), episode("c", 30)], "Flapping"),
        ([episode("a", 10), episode("b", 20), episode("c", 60)], ""),
        ([episode("a", 10), episode("b", 20), episode("c", 59.99)], "Flapping"),
        # the present one counts once, whether it is recorded or not
        ([episode("a", 10), episode("b", 20), episode("mine", 0)], ""),
        # other promises
        ([episode(str(n), 10, PromiseRef(PROMISE.intent_uid, "availability")) for n in range(9)], ""),
        ([episode(str(n), 10, PromiseRef("uid-another", PROMISE.expectation)) for n in range(9)], ""),
    ],
)
def test_what_breaks_again_and_again_is_left_alone(episodes, reason):
    assert check(under=FLAPPING, episodes=episodes)["Flapping"].reason == reason


def test_flapping_without_all_records_denies():
    assert check(under=FLAPPING, complete=False)["Flapping"].verdict is INDETERMINATE


def elsewhere(record: str, **more):
    return act(record=record, workload_uid="uid-another", open=True, settled_ago=None, **more)


@pytest.mark.parametrize(
    ("limit", "acts", "reason"),
    [
        (1, [], ""),
        (1, [elsewhere("a")], "PolicyBusy"),
        (2, [elsewhere("a")], ""),
        (2, [elsewhere("a"), elsewhere("a", attempt=2)], ""),
        (2, [elsewhere("a"), elsewhere("b")], "PolicyBusy"),
        (1, [elsewhere("a", policy="another")], ""),
        (1, [elsewhere("mine")], ""),
        (1, [act(record="a", workload_uid="uid-another", open=True, settled_ago=1)], ""),
        (1, [act(record="a", workload_uid="uid-another", open=False, settled_ago=1)], ""),
    ],
)
def test_so_many_of_one_policy_act_at_the_same_time(limit, acts, reason):
    assert check(under=terms(concurrency=limit), acts=acts)["PolicyConcurrency"].reason == reason


def west(record: str = "a", *domains: str):
    return elsewhere(record, policy="another", failure_domains=frozenset(domains or {"west"}))


ASKED = DomainGuard.model_validate({"whenUnknown": "Deny"})


@pytest.mark.parametrize(
    ("ours", "acts", "verdict", "when_asked"),
    [
        (("west",), [], PERMIT, PERMIT),
        (("west",), [west()], PERMIT, PERMIT),
        (("east",), [west()], DENY, DENY),
        (("east",), [west("mine")], PERMIT, PERMIT),
        (("east", "west"), [west()], DENY, DENY),
        (("west",), [west("a", "east", "west")], DENY, DENY),
        (("west", "east"), [west("a", "east", "west")], PERMIT, PERMIT),
        (("west",), [west(), west("b", "east")], DENY, DENY),
        ((), [], PERMIT, INDETERMINATE),
        ((), [west()], PERMIT, INDETERMINATE),
        (("west",), [elsewhere("a")], PERMIT, INDETERMINATE),
        (("east",), [act(open=True, settled_ago=1, failure_domains=frozenset({"west"}))], PERMIT, PERMIT),
    ],
)
def test_one_failure_domain_at_a_time(ours, acts, verdict, when_asked):
    on = workload(failure_domains=ours)
    assert check(on=on, acts=acts)["FailureDomain"].verdict is verdict
    assert check(under=terms(failure_domain=ASKED), on=on, acts=acts)["FailureDomain"].verdict is when_asked


def test_it_says_what_it_waits_for():
    verdict = check(on=workload(failure_domains=("east",)), acts=[west("call-setup-1")])["FailureDomain"]
    assert verdict.reason == "OtherDomainBusy"
    assert verdict.message == "call-setup-1 acts in west: until it has ended nothing is done in east"
