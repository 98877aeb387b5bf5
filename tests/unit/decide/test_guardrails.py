"""What holds a plan back."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.contracts.autonomy_ceiling import GlobalRate
from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import GuardVerdict, GuardVerdictName
from homeostat.contracts.remediation_policy import Mode
from homeostat.decide.guards import check_guards
from homeostat.flow.facts import Ownership, Reading, Unknown
from homeostat.flow.holds import NO_HOLDS
from homeostat.flow.past_acts import GuardFacts
from tests.unit.decide.building import CALM, NOW, PROMISE, WORKLOAD, act, plan_of, scale, scaling, terms, workload

PERMIT, DENY, INDETERMINATE = GuardVerdictName.PERMIT, GuardVerdictName.DENY, GuardVerdictName.INDETERMINATE
TERMS = terms()
NOBODY_ELSE = Ownership()


def check(
    plan: Plan | None = None,
    under=TERMS,
    on=None,
    acts=(),
    complete=True,
    now=NOW,
    mode=Mode.LIVE,
    cpu=None,
    owned=NOBODY_ELSE,
    episodes=(),
    health=CALM,
    everywhere=None,
    rate=None,
):
    verdicts = check_guards(
        record="mine",
        policy="call-setup",
        promise=PROMISE,
        terms=under,
        plan=plan or plan_of(scale(), scaling(), under),
        workload=workload() if on is None else on,
        ownership=owned,
        facts=GuardFacts(complete, tuple(acts), tuple(episodes), health, everywhere),
        holds=NO_HOLDS,
        now=now,
        mode=mode,
        cpu_share=cpu,
        rate=rate,
    )
    return {v.name: v for v in verdicts}


def held_back(verdicts: dict[str, GuardVerdict]) -> dict[str, str]:
    return {name: v.reason for name, v in verdicts.items() if v.verdict is not PERMIT}


def to(intended: int, before: int = 2) -> Plan:
    return plan_of(scale(), scaling(intended, before), TERMS)


def test_all_guards_are_asked_in_a_fixed_order_and_permit():
    verdicts = check()
    assert list(verdicts) == [
        "Stop",
        "Pause",
        "Maintenance",
        "TargetExists",
        "Disallowed",
        "ManagedBy",
        "PingPong",
        "Bounds",
        "LargestStep",
        "SecondIndicator",
        "Concurrency",
        "PolicyConcurrency",
        "FailureDomain",
        "Cooldown",
        "Frequency",
        "GlobalRate",
        "Flapping",
        "Storm",
        "Windows",
    ]
    assert held_back(verdicts) == {}
    assert verdicts["Frequency"].message == "0 of 4 acts in 1 h"


@pytest.mark.parametrize(
    ("intended", "bounds", "permitted"),
    [(1, (1, 3), True), (3, (1, 3), True), (4, (1, 3), False), (0, (1, 3), False), (0, (0, 3), True)],
)
def test_replicas_stay_within_bounds(intended, bounds, permitted):
    verdict = check(to(intended), terms(replicas=bounds, largest_step=1000))["Bounds"]
    assert (verdict.verdict, verdict.reason) == ((PERMIT, "") if permitted else (DENY, "OutOfBounds"))


@pytest.mark.parametrize(
    ("present", "intended", "percent", "permitted"),
    [
        (2, 3, 50, True),
        (2, 4, 50, False),
        (2, 4, 100, True),
        (2, 5, 100, False),
        (1, 2, 1, True),
        (0, 1, 50, True),
        (0, 2, 1000, False),
        (10, 9, 1, True),
        (10, 5, 50, True),
        (10, 4, 50, False),
        (3, 5, 66, False),
        (3, 5, 67, True),
    ],
)
def test_a_step_is_no_larger_than_allowed_but_one_replica_is_always_possible(present, intended, percent, permitted):
    verdict = check(to(intended, present), terms(largest_step=percent), workload(present))["LargestStep"]
    assert (verdict.verdict is PERMIT) is permitted


@pytest.mark.parametrize(
    ("past", "permitted"),
    [
        (act(settled_ago=300), True),
        (act(settled_ago=299.999), False),
        (act(settled_ago=-60), False),
        (act(settled_ago=None, seconds_ago=300), True),
        (act(settled_ago=None, seconds_ago=299), False),
        (act(settled_ago=None, seconds_ago=7200, open=True), False),
        (act(settled_ago=10, record="mine"), True),
        (act(settled_ago=None, seconds_ago=10, record="mine", open=True), True),
        (act(settled_ago=10, workload_uid="uid-other"), True),
        (act(settled_ago=10, policy="another"), False),
    ],
)
def test_a_target_rests_between_episodes(past, permitted):
    verdict = check(acts=[past])["Cooldown"]
    assert (verdict.verdict, verdict.reason) == ((PERMIT, "") if permitted else (DENY, "CoolingDown"))


def test_a_rest_says_until_when():
    message = check(acts=[act(record="call-setup-1", settled_ago=60)])["Cooldown"].message
    assert message == "call-setup-1 ended at 11:59:00; the rest of 5 m lasts until 12:04:00"


@pytest.mark.parametrize(
    ("ages", "permitted"),
    [
        ([600, 700, 800], True),
        ([600, 700, 800, 900], False),
        ([600, 700, 800, 3600], True),
        ([600, 700, 800, 3599.999], False),
        ([600, 700, 800, -10], False),
        ([4000] * 9, True),
    ],
)
def test_acts_are_counted_over_all_policies_in_a_half_open_window(ages, permitted):
    acts = [act(record=f"r{n}", seconds_ago=a, settled_ago=500, policy=f"p{n}") for n, a in enumerate(ages)]
    verdict = check(acts=acts)["Frequency"]
    assert (verdict.verdict, verdict.reason) == ((PERMIT, "") if permitted else (DENY, "TooFrequent"))


def test_own_acts_count_for_the_frequency():
    acts = [act(record="mine", seconds_ago=s) for s in (10, 20, 30, 40)]
    assert held_back(check(acts=acts)) == {"Frequency": "TooFrequent"}


@pytest.mark.parametrize(("mode", "expected"), [(Mode.SHADOW, {}), (Mode.LIVE, {"Frequency": "FrequencyUnset"})])
def test_only_shadow_goes_without_a_frequency(mode, expected):
    assert held_back(check(under=terms(frequency=None), mode=mode)) == expected


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (act(record="b", open=True, settled_ago=400), {"Concurrency": "TargetBusy"}),
        (act(record="mine", open=True), {}),
        (act(record="b", open=True, policy="b", workload_uid="uid-other", settled_ago=None), {}),
        (act(record="b", open=False), {}),
    ],
)
def test_one_open_remediation_acts_on_a_workload(past, expected):
    assert held_back(check(acts=[past])) == expected


@pytest.mark.parametrize("on", [workload(exists=False), workload(identity=None)])
def test_a_missing_target_is_not_acted_on(on):
    verdicts = held_back(check(on=on, acts=[act()]))
    assert verdicts["TargetExists"] == "TargetMissing"


def test_without_a_workload_nothing_is_permitted():
    verdicts = check_guards(
        record="mine",
        policy="p",
        promise=PROMISE,
        terms=TERMS,
        plan=to(3),
        workload=None,
        ownership=NOBODY_ELSE,
        facts=GuardFacts(complete=True, health=CALM),
        holds=NO_HOLDS,
        now=NOW,
    )
    assert {v.name for v in verdicts if v.verdict is not PERMIT} >= {"TargetExists", "LargestStep"}


def test_a_replaced_target_is_not_acted_on():
    other = WORKLOAD.model_copy(update={"uid": "uid-new"})
    assert held_back(check(on=workload(identity=other))) == {"TargetExists": "TargetReplaced"}


def test_without_all_records_nothing_derived_from_them_is_permitted():
    verdicts = check(complete=False)
    names = (
        "PingPong",
        "Concurrency",
        "PolicyConcurrency",
        "FailureDomain",
        "Cooldown",
        "Frequency",
        "Flapping",
    )
    assert held_back(verdicts) == dict.fromkeys(names, "RecordsIncomplete")
    assert {verdicts[n].verdict for n in names} == {INDETERMINATE}


@pytest.mark.parametrize(
    ("plan", "on"),
    [
        (to(3).model_copy(update={"intended": "three"}), workload()),
        (to(3).model_copy(update={"intended": ""}), workload()),
        (to(3), workload(replicas=None)),
    ],
)
def test_a_guard_that_fails_denies(plan, on):
    verdict = check(plan, on=on)["LargestStep"]
    assert (verdict.verdict, verdict.reason) == (INDETERMINATE, "GuardFailed")


past_acts = st.lists(
    st.builds(
        act,
        record=st.sampled_from(["mine", "a", "b"]),
        seconds_ago=st.floats(-100, 8000),
        settled_ago=st.one_of(st.none(), st.floats(-100, 8000)),
        open=st.booleans(),
        workload_uid=st.sampled_from(["uid-pcscf", "uid-other"]),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(past_acts, past_acts)
def test_more_past_acts_never_permit_more(acts, more):
    assert set(held_back(check(acts=acts))) <= set(held_back(check(acts=acts + more)))


@settings(deadline=None)
@given(past_acts, st.randoms())
def test_the_order_of_past_acts_does_not_matter(acts, random):
    shuffled = list(acts)
    random.shuffle(shuffled)
    assert held_back(check(acts=acts)) == held_back(check(acts=shuffled))


@settings(deadline=None)
@given(past_acts, st.integers(0, 10000))
def test_waiting_long_enough_lifts_rest_and_frequency(acts, seconds):
    later = NOW + timedelta(seconds=20000 + seconds)
    closed = [a for a in acts if not a.open]
    assert held_back(check(acts=closed, now=later)) == {}


@pytest.mark.parametrize(
    ("cpu", "reason"),
    [
        (Reading(0.3), ""),
        (Reading(0.35), ""),
        (Reading(0.36), "NoHeadroom"),
        (Reading(None, Unknown.STALE, "last sample 40 s old"), "SecondIndicatorMissing"),
        (None, "SecondIndicatorMissing"),
    ],
)
def test_replicas_are_taken_away_only_where_cpu_use_allows_it_too(cpu, reason):
    verdict = check(to(1, before=2), on=workload(2), cpu=cpu)["SecondIndicator"]
    assert verdict.reason == reason


def test_replicas_are_added_whatever_the_cpu_use():
    assert check(to(3), cpu=None)["SecondIndicator"].verdict is PERMIT


def test_an_attempt_that_is_recorded_already_does_not_count_against_itself():
    step = scale()
    mine = act(record="mine", step=step.name, attempt=1, seconds_ago=1, settled_ago=None, open=True)
    others = [act(record=f"other-{n}", seconds_ago=900) for n in range(3)]
    assert check(acts=[mine, *others])["Frequency"].verdict is PERMIT
    earlier = act(record="mine", step=step.name, attempt=2, seconds_ago=900)
    assert check(acts=[mine, earlier, *others])["Frequency"].reason == "TooFrequent"


@pytest.mark.parametrize(
    ("seconds_ago", "limit", "reason"),
    [
        ((), 1, ""),
        ((1,), 2, ""),
        ((1, 59.9), 2, "RateExceeded"),
        ((1, 60), 2, ""),
        ((1, 2, 3), 2, "RateExceeded"),
    ],
)
def test_the_whole_cluster_acts_no_faster_than_the_ceiling_allows(seconds_ago, limit, reason):
    elsewhere = tuple(act(f"r{n}", seconds, workload_uid=f"w{n}") for n, seconds in enumerate(seconds_ago))
    verdict = check(everywhere=elsewhere, rate=GlobalRate(limit=limit, per="1m"))["GlobalRate"]
    assert verdict.reason == reason


def test_the_act_that_is_asked_about_does_not_count_for_the_rate():
    own = act("mine", 1, step="add-capacity")
    assert check(everywhere=(own,), rate=GlobalRate(limit=1))["GlobalRate"].verdict is PERMIT
    assert check(everywhere=(own, act("mine", 1, step="other")), rate=GlobalRate(limit=1))["GlobalRate"].verdict is DENY


def test_a_rate_that_cannot_be_computed_denies():
    assert check(everywhere=None, rate=GlobalRate())["GlobalRate"].verdict is INDETERMINATE
