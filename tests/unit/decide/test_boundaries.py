"""Who decides about a step."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.contracts.actions.kinds import ActionType, Risk
from homeostat.contracts.boundaries import Boundaries, BoundaryRule
from homeostat.decide.boundaries import Permission, permission, risk_of
from homeostat.flow.facts import NOTHING_KNOWN
from tests.unit.decide.building import evict, restart, restore, rule, scale, set_value
from tests.unit.decide.expressions.building import variables


@pytest.mark.parametrize(
    ("step", "risk"),
    [
        (scale(by="+50%"), Risk.LOW),
        (scale(by="+2"), Risk.LOW),
        (scale(by="-1"), Risk.MEDIUM),
        (scale(by=None, to=4), Risk.MEDIUM),
        (scale(by=None, expression="target.replicas + 1", max=6), Risk.MEDIUM),
        (restore(), Risk.LOW),
        (set_value(), Risk.MEDIUM),
        (restart(), Risk.MEDIUM),
        (evict(), Risk.MEDIUM),
    ],
)
def test_each_action_has_a_risk_of_its_own(step, risk):
    assert step.action.spec.default_risk is risk


@pytest.mark.parametrize(
    ("step", "risk"),
    [
        (scale(risk=Risk.HIGH), Risk.HIGH),
        (set_value(risk=Risk.LOW), Risk.MEDIUM),
        (restore(risk=Risk.MEDIUM), Risk.MEDIUM),
        (scale(), Risk.LOW),
    ],
)
def test_an_author_can_raise_a_risk_but_not_lower_it(step, risk):
    assert risk_of(step) is risk


@pytest.mark.parametrize(
    ("boundaries", "expected"),
    [
        ({}, Permission.APPROVAL),
        ({"autonomous": [rule(action="Scale")]}, Permission.AUTONOMOUS),
        ({"autonomous": [rule(action="Reconfigure")]}, Permission.APPROVAL),
        ({"autonomous": [rule(action="Scale", risk="Low")]}, Permission.AUTONOMOUS),
        ({"autonomous": [rule(action="Scale", risk="High")]}, Permission.APPROVAL),
        ({"autonomous": [rule(step="add-capacity")]}, Permission.AUTONOMOUS),
        ({"autonomous": [rule(step="other")]}, Permission.APPROVAL),
        ({"autonomous": [rule(action="Scale")], "approval": [rule(risk="Low")]}, Permission.APPROVAL),
        ({"autonomous": [rule(action="Scale")], "never": [rule(step="add-capacity")]}, Permission.NEVER),
        ({"approval": [rule(action="Scale")], "never": [rule(action="Scale")]}, Permission.NEVER),
        ({"autonomous": [BoundaryRule()]}, Permission.APPROVAL),
        ({"never": [BoundaryRule()]}, Permission.APPROVAL),
    ],
)
def test_never_outranks_approval_which_outranks_autonomous(boundaries, expected):
    assert permission(Boundaries(**boundaries), scale(), NOTHING_KNOWN) is expected


WHILE_FEW = rule(if_="target.replicas < 3")
KNOWN, FULL, IN_DOUBT = variables(), variables(target={"replicas": 9.0}), variables({("target",): "not seen"})


@pytest.mark.parametrize(
    ("boundaries", "known", "expected"),
    [
        ({"autonomous": [WHILE_FEW]}, KNOWN, Permission.AUTONOMOUS),
        ({"autonomous": [WHILE_FEW]}, FULL, Permission.APPROVAL),
        ({"autonomous": [WHILE_FEW]}, IN_DOUBT, Permission.APPROVAL),
        ({"autonomous": [rule(action="Scale")], "approval": [WHILE_FEW]}, KNOWN, Permission.APPROVAL),
        ({"autonomous": [rule(action="Scale")], "approval": [WHILE_FEW]}, FULL, Permission.AUTONOMOUS),
        ({"autonomous": [rule(action="Scale")], "approval": [WHILE_FEW]}, IN_DOUBT, Permission.APPROVAL),
        ({"autonomous": [rule(action="Scale")], "never": [WHILE_FEW]}, KNOWN, Permission.NEVER),
        ({"autonomous": [rule(action="Scale")], "never": [WHILE_FEW]}, FULL, Permission.AUTONOMOUS),
        ({"autonomous": [rule(action="Scale")], "never": [WHILE_FEW]}, IN_DOUBT, Permission.NEVER),
        ({"never": [rule(action="Reconfigure", if_="true")]}, KNOWN, Permission.APPROVAL),
    ],
)
def test_a_rule_with_an_if_that_is_not_known_counts_against_the_act(boundaries, known, expected):
    assert permission(Boundaries(**boundaries), scale(), known) is expected


rules = st.lists(
    st.builds(
        BoundaryRule,
        action=st.one_of(st.none(), st.sampled_from(ActionType)),
        risk=st.one_of(st.none(), st.sampled_from(Risk)),
        step=st.one_of(st.none(), st.sampled_from(["add-capacity", "restore-limit", "other"])),
    ),
    max_size=3,
)
steps = st.sampled_from([scale(), scale(by="-1"), restore(), set_value(), scale(risk=Risk.HIGH)])
ORDER = [Permission.NEVER, Permission.APPROVAL, Permission.AUTONOMOUS]


@settings(deadline=None)
@given(steps, rules, rules, rules, rules)
def test_more_rules_against_never_widen(step, autonomous, approval, never, extra):
    before = permission(Boundaries(autonomous=autonomous, approval=approval, never=never), step, NOTHING_KNOWN)
    stricter = permission(
        Boundaries(autonomous=autonomous, approval=approval, never=never + extra), step, NOTHING_KNOWN
    )
    asking = permission(Boundaries(autonomous=autonomous, approval=approval + extra, never=never), step, NOTHING_KNOWN)
    assert ORDER.index(stricter) <= ORDER.index(before)
    assert ORDER.index(asking) <= ORDER.index(before)
