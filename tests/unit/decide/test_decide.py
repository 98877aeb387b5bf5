"""What is done about a broken promise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.operations import Authority
from homeostat.contracts.remediation import CandidateVerdict
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.steps import Follow, Then
from homeostat.decide.boundaries import Permission
from homeostat.decide.plans import covers, make_plan, plan_digest
from homeostat.flow.facts import Decision, Owner, Ownership, Preview, Ruling
from homeostat.flow.past_acts import GuardFacts
from tests.unit.decide.building import (
    ANYTHING_GOES,
    CALM,
    NOW,
    WORKLOAD,
    act,
    ask,
    finding,
    plan_of,
    restore,
    restoring,
    rule,
    scale,
    scaling,
    set_value,
    terms,
    workload,
)

FREE = terms(autonomous=ANYTHING_GOES)
"""The demo's policy: one trigger, restore the limit if misconfigured, add capacity if saturated."""


def verdicts(decision: Decision) -> dict[str, tuple[str, str]]:
    return {c.step: (c.verdict.value, c.reason) for c in decision.candidates}


@pytest.mark.parametrize(
    ("supported", "step", "restore_verdict", "capacity_verdict"),
    [
        (["Saturated"], "add-capacity", ("NotApplicable", "CauseNotSupported"), ("Chosen", "")),
        (["Misconfigured"], "restore-limit", ("Chosen", ""), ("NotNeeded", "")),
        (["Saturated", "Misconfigured"], "restore-limit", ("Chosen", ""), ("NotNeeded", "")),
    ],
)
def test_one_policy_and_trigger_two_remedies_told_apart_by_diagnosis(
    supported, step, restore_verdict, capacity_verdict
):
    decision = ask(FREE, finding(*supported))
    assert decision.ruling is Ruling.ACT
    assert decision.plan is not None
    assert decision.plan.step == step
    assert verdicts(decision) == {"restore-limit": restore_verdict, "add-capacity": capacity_verdict}


@pytest.mark.parametrize(
    ("supported", "reason"),
    [([], "CauseNotSupported"), (["TargetDown"], "CauseNotSupported"), (["TelemetryFault"], "TelemetryFault")],
)
def test_without_a_supported_cause_nothing_is_done(supported, reason):
    decision = ask(FREE, finding(*supported))
    assert (decision.ruling, decision.reason, decision.plan) == (Ruling.NOTHING, reason, None)
    assert "restore-limit" in decision.message
    assert "add-capacity" in decision.message


@pytest.mark.parametrize(
    ("supported", "ruling"),
    [
        (["Saturated"], Ruling.ACT),
        (["Custom"], Ruling.ACT),
        ([], Ruling.NOTHING),
        (["TelemetryFault"], Ruling.NOTHING),
        (["TelemetryFault", "Saturated"], Ruling.NOTHING),
    ],
)
def test_a_step_without_causes_is_for_any_but_a_telemetry_fault(supported, ruling):
    assert ask(terms(scale(causes=()), autonomous=ANYTHING_GOES), finding(*supported)).ruling is ruling


def test_no_step_can_name_the_telemetry_fault():
    under = terms(scale(causes=("TelemetryFault",)), autonomous=ANYTHING_GOES)
    assert ask(under, finding("TelemetryFault")).ruling is Ruling.NOTHING


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ({"Saturated": ["pcscf"]}, ("Chosen", "")),
        ({"Saturated": ["scscf"]}, ("NotApplicable", "OtherTarget")),
        ({"Saturated": ["scscf", "pcscf"]}, ("Chosen", "")),
        ({}, ("Chosen", "")),
    ],
)
def test_a_step_is_only_for_the_target_at_which_the_cause_was_found(targets, expected):
    decision = ask(terms(scale(), autonomous=ANYTHING_GOES), finding("Saturated", targets=targets))
    assert verdicts(decision) == {"add-capacity": expected}


def test_the_plan_is_absolute_and_says_what_it_does():
    plan = ask(FREE, finding("Saturated")).plan
    assert plan is not None
    assert (plan.field, plan.before, plan.intended, plan.attempt) == ("spec.replicas", "2", "3", 1)
    assert (plan.risk, plan.authority, plan.valid_until) == (Risk.LOW, Authority.AUTONOMOUS, None)
    assert plan.digest == plan_digest("add-capacity", "uid-pcscf", "spec.replicas", "3")
    assert plan.description == "scale Deployment/pcscf 2 -> 3"


def test_shadow_records_what_would_have_been_done():
    decision = ask(FREE, finding("Saturated"), mode=Mode.SHADOW)
    assert (decision.ruling, decision.reason) == (Ruling.RECORD_ONLY, "Shadow")
    assert decision.plan is not None
    assert "Live would have done this: scale Deployment/pcscf 2 -> 3" in decision.message


def test_shadow_neither_asks_nor_takes_an_approval():
    approved = plan_of(scale(), scaling(), terms())
    decision = ask(terms(), finding("Saturated"), mode=Mode.SHADOW, approved=approved)
    assert decision.ruling is Ruling.RECORD_ONLY
    assert "would have asked for approval" in decision.message


def test_what_no_boundary_mentions_is_asked_for():
    decision = ask(terms(), finding("Saturated"))
    assert decision.ruling is Ruling.ASK
    assert decision.plan is not None
    assert decision.plan.authority is Authority.APPROVAL
    assert decision.plan.valid_until is not None
    assert (decision.plan.valid_until - NOW).total_seconds() == 900
    assert decision.plan.digest in decision.message
    assert "until 12:15:00 UTC" in decision.message


@pytest.mark.parametrize(
    ("before", "intended", "ruling"),
    [(2, 3, Ruling.ACT), (3, 4, Ruling.ACT), (2, 4, Ruling.ASK), (3, 2, Ruling.ASK), (1, 3, Ruling.ASK)],
)
def test_an_approval_covers_a_step_as_large_as_the_one_approved_and_in_its_direction(before, intended, ruling):
    approved = plan_of(scale(), scaling(), terms())
    previews = {"restore-limit": restoring(), "add-capacity": scaling(intended, before)}
    decision = ask(terms(), finding("Saturated"), approved=approved, previews=previews)
    assert decision.ruling is ruling
    assert decision.plan is not None
    if ruling is Ruling.ACT:
        assert (decision.plan.digest, decision.plan.largest_step) == (approved.digest, "+1")
        assert decision.plan.intended == str(intended)


def test_a_plan_within_an_approval_stays_within_it_when_it_moves_once_more():
    def moved(before: int, by: int) -> Decision:
        previews = {"restore-limit": restoring(), "add-capacity": scaling(before + by, before)}
        at = {"pcscf": workload(before)}
        return ask(terms(), finding("Saturated"), approved=approved, previews=previews, workloads=at)

    first = approved = plan_of(scale(), scaling(), terms())
    for before in (3, 4, 5):
        decision = moved(before, 1)
        assert decision.plan is not None
        assert (decision.ruling, decision.plan.digest) == (Ruling.ACT, first.digest)
        approved = decision.plan
    assert moved(6, 2).ruling is Ruling.ASK


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ({}, True),
        ({"before": "60"}, True),
        ({"intended": "400"}, False),
        ({"field": "data[other.yaml]/limits/cps"}, False),
        ({"target": WORKLOAD}, False),
    ],
)
def test_what_is_no_amount_is_approved_as_the_value_that_was_shown(changes, covered):
    approved = plan_of(restore(), restoring(), terms())
    assert approved.largest_step == ""
    assert covers(approved, approved.model_copy(update=changes)) is covered


def test_an_approval_of_another_step_covers_nothing():
    approved = plan_of(scale(), scaling(), terms())
    assert not covers(approved, approved.model_copy(update={"step": "more-capacity"}))


def test_a_digest_tells_its_parts_apart():
    assert plan_digest("a", "bc", "d", "e") != plan_digest("ab", "c", "d", "e")
    assert len(plan_digest("a", "b", "c", "d")) == 32


def test_never_is_never_even_if_approved():
    under = terms(autonomous=ANYTHING_GOES, never=[rule(action="Scale")])
    decision = ask(under, finding("Saturated"), approved=plan_of(scale(), scaling(), terms()))
    assert (decision.ruling, decision.reason) == (Ruling.NOTHING, "Never")


def test_a_blocked_step_does_not_end_the_search():
    under = terms(scale(), set_value(), autonomous=ANYTHING_GOES, never=[rule(step="add-capacity")])
    decision = ask(under, finding("Saturated"))
    assert verdicts(decision) == {"add-capacity": ("Blocked", "Never"), "shed-load": ("Chosen", "")}


@pytest.mark.parametrize("follow", [Follow.WAIT, Follow.STOP, Follow.ESCALATE])
def test_a_policy_may_let_nothing_go_past_a_step_that_is_held_back(follow):
    first = scale(then=Then(blocked=follow))
    under = terms(restore(), first, set_value(), autonomous=ANYTHING_GOES, never=[rule(step="add-capacity")])
    decision = ask(under, finding("Saturated"))
    assert verdicts(decision)["add-capacity"] == ("Blocked", "Never")
    assert verdicts(decision)["shed-load"] == ("NotApplicable", "HeldBehind")
    assert (decision.ruling, decision.reason, decision.held) == (Ruling.NOTHING, "Never", follow)


def test_a_step_that_does_not_apply_holds_nothing_back():
    first = restore(then=Then(blocked=Follow.ESCALATE))
    decision = ask(terms(first, scale(), autonomous=ANYTHING_GOES), finding("Saturated"))
    assert (decision.ruling, decision.held) == (Ruling.ACT, None)


def test_a_step_before_the_one_that_is_held_back_is_taken():
    under = terms(restore(), scale(then=Then(blocked=Follow.STOP)), never=[rule(step="add-capacity")])
    decision = ask(under, finding("Misconfigured", "Saturated"))
    assert decision.plan is not None
    assert (decision.plan.step, decision.held) == ("restore-limit", None)


def test_what_ended_otherwise_than_without_help_does_not_run_again():
    under = terms(scale("one"), set_value("two"), autonomous=ANYTHING_GOES, repeat=3)
    decision = ask(under, finding("Saturated"), attempts={"one": 1}, after="one", after_again=False)
    assert verdicts(decision) == {"one": ("NotApplicable", "AlreadyTried"), "two": ("Chosen", "")}


@pytest.mark.parametrize(
    ("preview", "expected"),
    [
        (Preview(refused="NoGoodContent", message="no content is known to work"), ("NotApplicable", "NoGoodContent")),
        (Preview(refused="NoScale"), ("NotApplicable", "NoScale")),
        (scaling(already=True), ("NotApplicable", "AlreadyThere")),
        (Preview(), ("Blocked", "NotPreviewed")),
        (None, ("Blocked", "NotPreviewed")),
        (scaling(20), ("Blocked", "OutOfBounds")),
        (scaling(5), ("Blocked", "StepTooLarge")),
        (scaling(3, description=""), ("Chosen", "")),
    ],
)
def test_a_step_is_judged_by_its_preview(preview, expected):
    previews = {} if preview is None else {"add-capacity": preview}
    decision = ask(terms(scale(), autonomous=ANYTHING_GOES), finding("Saturated"), previews=previews)
    assert verdicts(decision) == {"add-capacity": expected}


def test_a_plan_without_description_describes_itself():
    plan = make_plan(scale(), scaling(description=""), FREE, 1, NOW, Permission.AUTONOMOUS)
    assert plan is not None
    assert plan.description == "spec.replicas 2 -> 3"


@pytest.mark.parametrize(
    ("attempts", "after", "repeat", "expected"),
    [
        ({}, "", 1, {"one": ("Chosen", ""), "two": ("NotNeeded", "")}),
        ({"one": 1}, "one", 1, {"one": ("NotApplicable", "RepeatLimit"), "two": ("Chosen", "")}),
        ({"one": 1}, "one", 2, {"one": ("Chosen", ""), "two": ("NotNeeded", "")}),
        ({"one": 2}, "one", 2, {"one": ("NotApplicable", "RepeatLimit"), "two": ("Chosen", "")}),
        (
            {"one": 1, "two": 1},
            "two",
            1,
            {"one": ("NotApplicable", "AlreadyTried"), "two": ("NotApplicable", "RepeatLimit")},
        ),
        ({"two": 1}, "two", 2, {"one": ("NotApplicable", "AlreadyTried"), "two": ("Chosen", "")}),
        ({}, "gone", 1, {"one": ("NotApplicable", "AlreadyTried"), "two": ("NotApplicable", "AlreadyTried")}),
    ],
)
def test_the_escalation_goes_on_from_the_step_that_failed(attempts, after, repeat, expected):
    under = terms(scale("one"), set_value("two"), autonomous=ANYTHING_GOES, repeat=repeat)
    decision = ask(under, finding("Saturated"), attempts=attempts, after=after)
    assert verdicts(decision) == expected
    if decision.plan is not None:
        assert decision.plan.attempt == attempts.get(decision.plan.step, 0) + 1


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (GuardFacts(complete=False, health=CALM), "RecordsIncomplete"),
        (GuardFacts(complete=True, health=CALM, acts=(act(settled_ago=10),)), "CoolingDown"),
        (GuardFacts(complete=True, health=CALM, acts=(act(open=True, settled_ago=None),)), "TargetBusy"),
        (GuardFacts(complete=True, health=CALM, acts=tuple(act(record="mine") for _ in range(4))), "TooFrequent"),
    ],
)
def test_the_first_blocker_is_the_reason(facts, reason):
    decision = ask(FREE, finding("Saturated"), facts=facts)
    assert (decision.ruling, decision.reason) == (Ruling.NOTHING, reason)
    assert verdicts(decision)["add-capacity"] == ("Blocked", reason)
    assert decision.guards
    assert decision.message.startswith("Nothing is done. ")


@pytest.mark.parametrize(
    ("under", "supported", "previews", "reason"),
    [
        (terms(restore(), scale()), ["Saturated"], {"add-capacity": Preview(refused="NoScale")}, "NoScale"),
        (terms(restore(), scale()), ["Misconfigured"], {"restore-limit": restoring(already=True)}, "AlreadyThere"),
    ],
)
def test_the_most_telling_reason_is_given(under, supported, previews, reason):
    assert ask(under, finding(*supported), previews=previews).reason == reason


def test_another_owner_of_the_replicas_leaves_other_remedies():
    under = terms(scale(), set_value(), autonomous=ANYTHING_GOES)
    owned = Ownership((Owner("ScaledObject/pcscf scales Deployment/pcscf", "patch its bounds"),))
    previews = {"add-capacity": scaling(ownership=owned), "shed-load": restoring()}
    decision = ask(under, finding("Saturated"), previews=previews)
    assert verdicts(decision) == {"add-capacity": ("Blocked", "TargetManagedBy"), "shed-load": ("Chosen", "")}


def test_a_workload_that_was_not_seen_is_not_acted_on():
    assert ask(FREE, finding("Saturated"), workloads={}).reason == "TargetMissing"


def test_a_live_decision_needs_a_frequency_limit_and_shadow_does_not():
    under = terms(frequency=None, autonomous=ANYTHING_GOES)
    assert ask(under, finding("Saturated")).reason == "FrequencyUnset"
    assert ask(under, finding("Saturated"), mode=Mode.SHADOW).ruling is Ruling.RECORD_ONLY


RULES = (rule(action="Scale"), rule(risk="Low"), rule(risk="Medium"), rule(step="restore-limit"))
cases = st.fixed_dictionaries(
    {
        "supported": st.lists(
            st.sampled_from(["Saturated", "Misconfigured", "TargetDown", "TelemetryFault"]), unique=True, max_size=3
        ),
        "present": st.integers(0, 12),
        "intended": st.integers(-1, 14),
        "replicas": st.tuples(st.integers(0, 4), st.integers(4, 12)),
        "largest_step": st.integers(1, 200),
        "frequency": st.integers(1, 4),
        "autonomous": st.lists(st.sampled_from(RULES), max_size=3),
        "approval": st.lists(st.sampled_from(RULES), max_size=2),
        "never": st.lists(st.sampled_from(RULES), max_size=2),
        "mode": st.sampled_from(Mode),
        "complete": st.booleans(),
        "acts": st.lists(st.tuples(st.floats(0, 8000), st.booleans()), max_size=5),
        "attempts": st.dictionaries(st.sampled_from(["restore-limit", "add-capacity"]), st.integers(0, 2)),
    }
)


def decided(case, never=(), approval=()) -> Decision:
    under = terms(
        autonomous=case["autonomous"],
        approval=[*case["approval"], *approval],
        never=[*case["never"], *never],
        replicas=case["replicas"],
        largest_step=case["largest_step"],
        frequency=(case["frequency"], "1h"),
    )
    acts = tuple(
        act(record=f"r{n}", seconds_ago=age, settled_ago=age, open=is_open)
        for n, (age, is_open) in enumerate(case["acts"])
    )
    return ask(
        under,
        finding(*case["supported"]),
        mode=case["mode"],
        previews={"restore-limit": restoring(), "add-capacity": scaling(case["intended"], case["present"])},
        workloads={"pcscf": workload(case["present"])},
        facts=GuardFacts(case["complete"], acts, health=CALM),
        attempts=case["attempts"],
    )


@settings(deadline=None)
@given(cases)
def test_no_plan_is_ever_outside_its_boundaries(case):
    decision = decided(case)
    plan = decision.plan
    if plan is None:
        assert decision.ruling is Ruling.NOTHING
        return
    assert "TelemetryFault" not in case["supported"]
    assert case["complete"]
    assert sum(age < 3600 for age, _ in case["acts"]) < case["frequency"]
    assert all(age >= 300 and not is_open for age, is_open in case["acts"])
    if plan.step == "add-capacity":
        intended, change = int(plan.intended), abs(int(plan.intended) - case["present"])
        assert "Saturated" in case["supported"]
        assert case["replicas"][0] <= intended <= case["replicas"][1]
        assert change <= max(1, case["present"] * case["largest_step"] / 100)
    if decision.ruling is Ruling.ACT:
        assert case["mode"] is Mode.LIVE
        assert plan.authority is Authority.AUTONOMOUS
        assert case["autonomous"]


@settings(deadline=None)
@given(cases, st.sampled_from(RULES))
def test_forbidding_more_never_permits_a_step_that_was_not(case, extra):
    order = [Ruling.NOTHING, Ruling.RECORD_ONLY, Ruling.ASK, Ruling.ACT]
    before, asking, forbidding = decided(case), decided(case, approval=[extra]), decided(case, never=[extra])
    assert order.index(asking.ruling) <= order.index(before.ruling)
    allowed = {c.step for c in before.candidates if c.verdict in {CandidateVerdict.CHOSEN, CandidateVerdict.NOT_NEEDED}}
    chosen = {c.step for c in forbidding.candidates if c.verdict is CandidateVerdict.CHOSEN}
    assert chosen <= allowed


@settings(deadline=None)
@given(cases, st.randoms())
def test_the_order_of_the_facts_does_not_matter(case, random):
    steps = ["restore-limit", "add-capacity"]
    previews = {"restore-limit": restoring(), "add-capacity": scaling()}
    random.shuffle(steps)
    supported = list(case["supported"])
    shuffled = list(supported)
    random.shuffle(shuffled)
    one = ask(FREE, finding(*supported), previews=previews, attempts=case["attempts"])
    two = ask(
        FREE,
        finding(*shuffled),
        previews={s: previews[s] for s in steps},
        attempts={s: case["attempts"][s] for s in steps if s in case["attempts"]},
    )
    assert (one.ruling, one.plan, one.candidates) == (two.ruling, two.plan, two.candidates)
