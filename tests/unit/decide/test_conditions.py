"""A step's ``if``, and boundaries with one: at the decision, and asked again right before the act."""

import pytest

from homeostat.contracts.operations import Authority
from homeostat.decide.candidates import withdrawn
from homeostat.flow.facts import NOTHING_KNOWN, Decision, Ruling, Variables
from tests.unit.decide.building import ANYTHING_GOES, UNBOUNDED, ask, finding, plan_of, rule, scale, scaling, terms
from tests.unit.decide.expressions.building import variables

FEW, FULL, UNSEEN = variables(), variables(target={"replicas": 6.0}), variables({("target",): "it was not seen"})
STEPS = (scale("small", if_="target.replicas < 6"), scale("large", by="+100%", if_="target.replicas >= 6"))


def considered(decision: Decision) -> dict[str, tuple[str, str]]:
    return {c.step: (c.verdict.value, c.reason) for c in decision.candidates}


@pytest.mark.parametrize(
    ("known", "ruling", "expected"),
    [
        (FEW, Ruling.ACT, {"small": ("Chosen", ""), "large": ("NotNeeded", "")}),
        (FULL, Ruling.ACT, {"small": ("NotApplicable", "IfFalse"), "large": ("Chosen", "")}),
        (UNSEEN, Ruling.NOTHING, {"small": ("NotApplicable", "IfUnknown"), "large": ("NotApplicable", "IfUnknown")}),
        (NOTHING_KNOWN, Ruling.NOTHING, {s.name: ("NotApplicable", "IfUnknown") for s in STEPS}),
    ],
)
def test_a_step_is_considered_only_where_its_if_is_true(known: Variables, ruling, expected):
    decision = ask(terms(*STEPS, autonomous=ANYTHING_GOES), finding("Saturated"), variables=known)

    assert decision.ruling is ruling
    assert considered(decision) == expected


def test_the_record_shows_the_expression_and_the_values():
    decision = ask(terms(STEPS[0], autonomous=ANYTHING_GOES), finding("Saturated"), variables=FULL)

    assert decision.reason == "IfFalse"
    assert decision.candidates[0].message == "target.replicas < 6 is false (target.replicas is 6)"
    assert "target.replicas < 6 is false (target.replicas is 6) (IfFalse)" in decision.message


@pytest.mark.parametrize(
    ("known", "ruling", "reason"),
    [(FEW, Ruling.NOTHING, "Never"), (FULL, Ruling.ACT, "Decided"), (UNSEEN, Ruling.NOTHING, "Never")],
)
def test_never_holds_while_its_if_is_true_or_not_known(known: Variables, ruling, reason):
    under = terms(scale(), autonomous=ANYTHING_GOES, never=[rule(if_="target.replicas < 6")])

    decision = ask(under, finding("Saturated"), variables=known)

    assert (decision.ruling, decision.reason) == (ruling, reason)


@pytest.mark.parametrize(("known", "ruling"), [(FEW, Ruling.ACT), (FULL, Ruling.ASK), (UNSEEN, Ruling.ASK)])
def test_an_act_is_autonomous_only_while_the_if_of_the_rule_is_true(known: Variables, ruling):
    under = terms(scale(), autonomous=[rule(action="Scale", if_="target.replicas < 6")])

    assert ask(under, finding("Saturated"), variables=known).ruling is ruling


@pytest.mark.parametrize(
    ("step", "boundaries", "known", "reason"),
    [
        (STEPS[0], {"autonomous": ANYTHING_GOES}, FEW, ""),
        (STEPS[0], {"autonomous": ANYTHING_GOES}, FULL, "IfFalse"),
        (STEPS[0], {"autonomous": ANYTHING_GOES}, UNSEEN, "IfUnknown"),
        (scale(), {"autonomous": ANYTHING_GOES}, NOTHING_KNOWN, ""),
        (scale(), {"autonomous": ANYTHING_GOES, "never": [rule(if_="time.getHours() >= 18")]}, FEW, ""),
        (scale(), {"autonomous": ANYTHING_GOES, "never": [rule(if_="time.getHours() >= 16")]}, FEW, "Never"),
        (scale(), {"autonomous": [rule(action="Scale", if_="time.getHours() < 16")]}, FEW, "ApprovalNeeded"),
    ],
)
def test_right_before_the_act_it_is_asked_again(step, boundaries, known: Variables, reason):
    under = terms(step, **boundaries)
    plan = plan_of(step, scaling(), under).model_copy(update={"authority": Authority.AUTONOMOUS})

    assert withdrawn(step, plan, under, known, UNBOUNDED)[0] == reason


def test_what_a_person_approved_needs_no_second_approval():
    under = terms(scale())
    plan = plan_of(scale(), scaling(), under)

    assert plan.authority is Authority.APPROVAL
    assert withdrawn(scale(), plan, under, FEW, UNBOUNDED) == ("", "")
