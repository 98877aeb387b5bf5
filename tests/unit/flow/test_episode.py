from datetime import UTC, datetime

import pytest

from homeostat.contracts.remediation_policy import IntentSelector, RemediationPolicySpec
from homeostat.contracts.service_intent import ExpectationStateName, Fulfilment, ServiceIntentSpec
from homeostat.flow.episode import begin, governing, is_onset, is_over, next_number, selects
from homeostat.flow.facts import Assessment, Track
from homeostat.flow.resources import CompiledIntent, CompiledPolicy, Stamp

NOW = datetime(2026, 6, 1, tzinfo=UTC)
INTENT = CompiledIntent(
    Stamp("ims", "call-setup", "uid-i", 1),
    {"domain": "ims"},
    ServiceIntentSpec.model_validate(
        {
            "targets": [{"name": "p", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "p"}}],
            "expectations": [{"name": "s", "query": "x", "condition": "IsLessThan", "value": "1"}],
        }
    ),
)


def policy(name, expectation="s", mode="Shadow", selector=None):
    spec = {
        "mode": mode,
        "intentSelector": selector or {"matchNames": ["call-setup"]},
        "triggers": [{"name": "t", "expectation": expectation}],
        "steps": [{"name": "more", "action": {"scale": {"target": "p", "by": "+1"}}}],
        "guardrails": {"frequency": {"limit": 1, "per": "1h"}},
    }
    return CompiledPolicy(Stamp("ims", name, f"uid-{name}", 1), RemediationPolicySpec.model_validate(spec), "hash")


def assessment(fulfilment, **states):
    return Assessment(NOW, fulfilment, {name: Track(state=state) for name, state in states.items()})


VIOLATED = assessment(Fulfilment.NOT_FULFILLED, s=ExpectationStateName.VIOLATED)
UNKNOWN = assessment(Fulfilment.UNKNOWN, s=ExpectationStateName.UNKNOWN)
MET = assessment(Fulfilment.FULFILLED, s=ExpectationStateName.MET)
BLIND_BUT_NOT_FULFILLED = assessment(Fulfilment.NOT_FULFILLED, s=ExpectationStateName.UNKNOWN)
OPEN = begin(3, None, "s", "", NOW)
CLOSED = OPEN.model_copy(update={"open": False})


@pytest.mark.parametrize(
    ("episode", "seen", "onset", "over"),
    [
        (None, VIOLATED, True, False),
        (CLOSED, VIOLATED, True, False),
        (OPEN, VIOLATED, False, False),
        (OPEN, UNKNOWN, False, False),
        (OPEN, MET, False, True),
        (CLOSED, MET, False, False),
        (None, UNKNOWN, False, False),
        (None, BLIND_BUT_NOT_FULFILLED, False, False),
    ],
)
def test_onset_and_end(episode, seen, onset, over):
    assert is_onset(episode, seen) is onset
    assert is_over(episode, seen) is over


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({"match_names": ["call-setup"]}, True),
        ({"match_names": ["other"]}, False),
        ({"match_labels": {"domain": "ims"}}, True),
        ({"match_labels": {"domain": "ims", "site": "west"}}, False),
        ({"match_names": ["call-setup"], "match_labels": {"domain": "core"}}, False),
    ],
)
def test_every_part_of_a_selector_must_agree(selector, selected):
    assert selects(IntentSelector(**selector), "call-setup", {"domain": "ims"}) is selected


def test_an_empty_selector_selects_nothing():
    empty = IntentSelector.model_construct(match_names=[], match_labels={})
    assert not selects(empty, "call-setup", {})


def test_live_governs_before_shadow_then_by_name():
    found = governing(INTENT, [policy("a"), policy("c", mode="Live"), policy("b", mode="Live")], ["s"])
    assert found is not None
    assert found.policy.stamp.name == "b"


@pytest.mark.parametrize(
    "candidates", [[], [policy("a", expectation="other")], [policy("a", selector={"matchNames": ["x"]})]]
)
def test_nothing_governs(candidates):
    assert governing(INTENT, candidates, ["s"]) is None


@pytest.mark.parametrize(
    ("episode", "recorded", "number"), [(None, [], 1), (OPEN, [], 4), (None, [7, 2], 8), (OPEN, [2], 4)]
)
def test_numbers_never_come_twice(episode, recorded, number):
    assert next_number(episode, recorded) == number
