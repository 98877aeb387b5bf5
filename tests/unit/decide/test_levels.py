"""How far the operator may go by itself."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.autonomy_ceiling import AutonomyCeilingSpec
from homeostat.contracts.boundaries import Boundaries
from homeostat.contracts.operations import Authority, OperationKind
from homeostat.contracts.remediation_policy import Mode
from homeostat.decide.boundaries import Permission
from homeostat.decide.candidates import withdrawn
from homeostat.decide.earned import Demotion
from homeostat.decide.levels import Autonomy, effective_autonomy, permission_at, why_stopped, withheld
from homeostat.flow.facts import NOTHING_KNOWN, Decision, Ruling
from homeostat.flow.resources import Refusal
from tests.unit.decide.building import (
    ANYTHING_GOES,
    ask,
    finding,
    plan_of,
    rule,
    scale,
    scaling,
    set_value,
    terms,
)

MISSING = Refusal("CeilingMissing", "there is no AutonomyCeiling")
UNREADABLE = Refusal("CeilingUnreadable", "AutonomyCeiling cluster cannot be read (403)")
STOP = {"by": "alice", "reason": "match day"}
NEVER, APPROVAL, AUTONOMOUS = Permission.NEVER, Permission.APPROVAL, Permission.AUTONOMOUS
BY_RISK = {Risk.LOW: scale(), Risk.MEDIUM: set_value(), Risk.HIGH: scale(risk=Risk.HIGH)}


def ceiling(level: int = 5, mode: Mode = Mode.LIVE, **more: Any) -> AutonomyCeilingSpec:
    return AutonomyCeilingSpec.model_validate({"autonomyLevel": level, "mode": mode, **more})


def at(level: int, **more: Any) -> Autonomy:
    """The level of a policy under a ceiling that bounds nothing."""
    return effective_autonomy(ceiling(**more), None, level, Mode.LIVE, None)


def lost(level: int) -> Demotion:
    return Demotion(level, "call-setup-1", "what was done made it worse; look at call-setup-1")


BY_ITSELF = {0: "", 1: "", 2: "", 3: "Low", 4: "Low Medium", 5: "Low Medium High"}
"""Of what an autonomous rule lists, the risks that each level does without asking."""
RULES: dict[str, dict[str, Any]] = {
    "none": {},
    "autonomous": {"autonomous": ANYTHING_GOES},
    "approval": {"autonomous": ANYTHING_GOES, "approval": ANYTHING_GOES},
    "never": {"autonomous": ANYTHING_GOES, "approval": ANYTHING_GOES, "never": ANYTHING_GOES},
}


@pytest.mark.parametrize(("level", "risk", "rules"), list(product(range(6), Risk, RULES)))
def test_every_level_with_every_risk_and_rule(level: int, risk: Risk, rules: str):
    said = permission_at(at(level), Mode.LIVE, Boundaries(**RULES[rules]), BY_RISK[risk], NOTHING_KNOWN)
    without_asking = rules == "autonomous" and risk in BY_ITSELF[level].split()
    assert said is (NEVER if rules == "never" else AUTONOMOUS if without_asking else APPROVAL)


@pytest.mark.parametrize(("level", "ruling"), [(0, "Nothing"), (1, "Nothing"), (2, "Ask"), (3, "Act"), (5, "Act")])
def test_what_follows_from_each_level(level: int, ruling: str):
    decision = ask(terms(scale(), autonomous=ANYTHING_GOES), finding("Saturated"), autonomy=at(level))
    assert decision.ruling == ruling
    if ruling == "Nothing":
        assert decision.reason == "LevelTooLow"
        assert "set by the policy" in decision.message


@pytest.mark.parametrize(
    ("bounds", "level", "reason", "told"),
    [
        ((ceiling(), None, 4, Mode.LIVE, None), 4, "LimitedByPolicy", "the policy (autonomyLevel 4)"),
        ((ceiling(3), None, 4, Mode.LIVE, None), 3, "LimitedByCeiling", "the AutonomyCeiling (autonomyLevel 3)"),
        ((ceiling(), 2, 4, Mode.LIVE, None), 2, "LimitedByIntent", "the intent (autonomyLevel 2)"),
        ((ceiling(), 5, 4, Mode.LIVE, lost(2)), 2, "Demoted", "look at call-setup-1"),
        ((ceiling(), None, 4, Mode.SHADOW, None), 1, "LimitedByPolicy", "the policy (mode Shadow)"),
        ((ceiling(5, Mode.SHADOW), None, 4, Mode.LIVE, None), 1, "LimitedByCeiling", "mode Shadow"),
        ((ceiling(), None, 0, Mode.SHADOW, None), 0, "LimitedByPolicy", "autonomyLevel 0"),
        ((MISSING, None, 5, Mode.LIVE, None), 1, "CeilingMissing", "there is no AutonomyCeiling"),
        ((UNREADABLE, None, 5, Mode.LIVE, None), 1, "CeilingUnreadable", "cannot be read (403)"),
        ((MISSING, 0, 5, Mode.LIVE, None), 0, "LimitedByIntent", "the intent (autonomyLevel 0)"),
        ((ceiling(2), 2, 2, Mode.LIVE, None), 2, "LimitedByCeiling", "and the intent (autonomyLevel 2)"),
    ],
)
def test_the_lowest_of_the_four_counts_and_is_told(bounds: Any, level: int, reason: str, told: str):
    found = effective_autonomy(*bounds)
    assert (found.level, found.reason) == (level, reason)
    assert told in found.message


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (ceiling(), ""),
        (ceiling(stop=STOP), "alice stopped all writes in AutonomyCeiling cluster: match day"),
        (MISSING, ""),
        (UNREADABLE, "may be set"),
    ],
)
def test_who_stopped_everything(given: Any, told: str):
    assert (told in why_stopped(given)) if told else why_stopped(given) == ""


@pytest.mark.parametrize(
    ("autonomy", "held"),
    [
        (at(3), ()),
        (at(2), ()),
        (at(1), (OperationKind.APPLY, OperationKind.RELEASE)),
        (effective_autonomy(MISSING, None, 5, Mode.LIVE, None), (OperationKind.APPLY, OperationKind.RELEASE)),
        (at(5, stop=STOP), tuple(OperationKind)),
        (effective_autonomy(UNREADABLE, None, 5, Mode.LIVE, None), tuple(OperationKind)),
    ],
)
def test_what_may_be_sent(autonomy: Autonomy, held: Sequence[OperationKind]):
    assert tuple(kind for kind in OperationKind if withheld(autonomy, kind)[0]) == tuple(held)


@pytest.mark.parametrize(
    ("autonomy", "reason"),
    [
        (at(3), ""),
        (at(2), "ApprovalNeeded"),
        (at(1), "LevelTooLow"),
        (at(5, stop=STOP), "Stopped"),
        (at(5, never=[{"action": "Scale"}]), "NeverByCeiling"),
        (at(5, never=[{"if": "target.replicas > 1"}]), "NeverByCeiling"),
        (at(5, never=[{"action": "Restart"}]), ""),
    ],
)
def test_a_level_lowered_after_the_decision_holds_right_before_the_act(autonomy: Autonomy, reason: str):
    under = terms(scale(), autonomous=ANYTHING_GOES)
    plan = plan_of(scale(), scaling(), under)
    assert plan.authority is Authority.AUTONOMOUS
    assert withdrawn(scale(), plan, under, NOTHING_KNOWN, autonomy)[0] == reason


def test_an_approved_plan_goes_on_at_level_2_and_not_below():
    under = terms(scale())
    plan = plan_of(scale(), scaling(), under)
    assert withdrawn(scale(), plan, under, NOTHING_KNOWN, at(2)) == ("", "")
    assert withdrawn(scale(), plan, under, NOTHING_KNOWN, at(1))[0] == "LevelTooLow"


LEVELS = st.integers(0, 5)
RULE_SETS = st.fixed_dictionaries(
    {
        name: st.lists(st.sampled_from([*ANYTHING_GOES, rule(action="Scale"), rule(step="shed-load")]), max_size=2)
        for name in ("autonomous", "approval", "never")
    }
)
FOUR = st.tuples(LEVELS, LEVELS, LEVELS, LEVELS)
STEPS = st.sampled_from([scale(), set_value(), scale(risk=Risk.MEDIUM), scale(risk=Risk.HIGH)])
RANK = {Ruling.NOTHING: 0, Ruling.ASK: 1, Ruling.ACT: 2}


def decided(four: Sequence[int], step: Any, rules: dict[str, Any], mode: Mode = Mode.LIVE) -> Decision:
    by_ceiling, by_intent, by_policy, by_record = four
    autonomy = effective_autonomy(ceiling(by_ceiling, mode), by_intent, by_policy, mode, lost(by_record))
    return ask(terms(step, **rules), finding("Saturated"), mode=mode, autonomy=autonomy)


@settings(max_examples=300, deadline=None)
@given(four=FOUR, which=st.integers(0, 3), lower=LEVELS, step=STEPS, rules=RULE_SETS)
def test_lowering_any_of_the_four_never_permits_more(four, which, lower, step, rules):
    lowered = tuple(min(level, lower) if i == which else level for i, level in enumerate(four))
    assert RANK[decided(lowered, step, rules).ruling] <= RANK[decided(four, step, rules).ruling]


@settings(max_examples=300, deadline=None)
@given(four=st.tuples(*[st.integers(2, 5)] * 4), step=STEPS, rules=RULE_SETS)
def test_shadow_decides_as_live_does_and_only_records_it(four, step, rules):
    live, shadow = decided(four, step, rules), decided(four, step, rules, Mode.SHADOW)
    assert (shadow.plan, shadow.candidates, shadow.guards) == (live.plan, live.candidates, live.guards)
    assert shadow.ruling is (Ruling.NOTHING if live.ruling is Ruling.NOTHING else Ruling.RECORD_ONLY)
