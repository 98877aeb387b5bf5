"""Which pods are evicted, and which disruption budgets speak against it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.act.disruption_budgets import DisruptionBudget, budgets_over
from homeostat.act.worst_pods import Candidate, choose, victims_of, victims_text
from homeostat.contracts.actions.evict import MOST_PODS, EvictAction

LONGEST_VALUE = 1024
"""Characters that a record holds of a value."""


def action(count: int = 1, order: str = "Highest", threshold: str = "0.5") -> EvictAction:
    worst = {"query": "q", "order": order, "threshold": threshold}
    return EvictAction.model_validate({"target": "sip", "count": count, "worst": worst})


def pod(name: str, value: float, *budgets: DisruptionBudget, ready: bool = True) -> Candidate:
    return Candidate(name, f"uid-{name}", ready, value, budgets)


def budget(allowed: int, name: str = "sip") -> DisruptionBudget:
    return DisruptionBudget(name, {}, allowed, False, "it needs 2 healthy pods and has 2")


def names(chosen: Sequence[Candidate]) -> list[str]:
    return [candidate.name for candidate in chosen]


WELL, BAD, WORSE, DOWN = pod("a", 0.1), pod("b", 0.6), pod("c", 0.9), pod("d", 0.8, ready=False)


@pytest.mark.parametrize(
    ("asked", "candidates", "ready", "victims"),
    [
        (action(), [WELL, BAD, WORSE], 3, ["c"]),
        (action(2), [WELL, BAD, WORSE], 3, ["c", "b"]),
        (action(3), [WELL, BAD, WORSE], 3, ["c", "b"]),
        (action(order="Lowest", threshold="0.7"), [WELL, BAD, WORSE], 3, ["a"]),
        (action(2, threshold="0.6"), [WELL, BAD, WORSE], 3, ["c"]),  # at the threshold is not beyond it
        (action(2), [pod("b", 0.9), pod("a", 0.9)], 3, ["a", "b"]),
        (action(2), [BAD, WORSE], 2, ["c"]),  # one ready pod stays
        (action(2), [WORSE, DOWN], 1, ["d"]),  # the last ready one stays, the one that is down may go
        (action(3), [WORSE, DOWN, BAD], 2, ["c", "d"]),
        (action(2), [pod("a", 0.9, budget(1)), pod("b", 0.8, budget(1))], 3, ["a"]),
        (action(2), [pod("a", 0.9, budget(0)), pod("b", 0.8, budget(1, "other"))], 3, ["b"]),
    ],
)
def test_the_worst_that_may_go_are_chosen(
    asked: EvictAction, candidates: list[Candidate], ready: int, victims: list[str]
) -> None:
    assert names(choose(asked, candidates, ready).victims) == victims


@pytest.mark.parametrize(
    ("candidates", "ready", "refused", "says"),
    [
        ([], 3, "NoPodSelected", "measured for long enough"),
        ([WELL], 3, "NoPodSelected", "no pod is above 0.5; the highest is a (0.1)"),
        ([WORSE], 1, "TooFewReadyPods", "without c no pod would be ready"),
        ([DOWN], 0, "TooFewReadyPods", "without d"),
        ([pod("a", 1, budget(0))], 3, "PdbForbids", "PodDisruptionBudget sip does not let a go now: it needs 2"),
        ([pod("a", 1, budget(5), budget(5, "all"))], 3, "PdbForbids", "several PodDisruptionBudgets (all and sip)"),
    ],
)
def test_where_none_may_go_the_reason_is_told(candidates: list[Candidate], ready: int, refused: str, says: str) -> None:
    choice = choose(action(), candidates, ready)

    assert (choice.victims, choice.refused) == ((), refused)
    assert says in choice.message


candidates = st.lists(
    st.builds(
        Candidate,
        name=st.from_regex(r"\A[a-z0-9]{1,5}\Z"),
        uid=st.uuids().map(str),
        ready=st.booleans(),
        value=st.floats(allow_nan=False, allow_infinity=False),
        budgets=st.lists(st.builds(budget, st.integers(0, 2), st.sampled_from("ab")), max_size=2, unique_by=id).map(
            tuple
        ),
    ),
    max_size=8,
    unique_by=(lambda c: c.name, lambda c: c.uid),
)


@given(candidates, st.integers(1, MOST_PODS), st.sampled_from(["Highest", "Lowest"]), st.integers(-2, 2), st.data())
def test_no_choice_goes_past_a_limit(
    given_pods: list[Candidate], count: int, order: str, threshold: int, data: st.DataObject
) -> None:
    ready = sum(c.ready for c in given_pods) + data.draw(st.integers(0, 2), label="ready but not measured")
    choice = choose(action(count, order, str(threshold)), given_pods, ready)
    victims = choice.victims

    assert bool(victims) is not bool(choice.refused)
    assert len(victims) <= count
    assert not victims or ready - sum(v.ready for v in victims) >= 1
    beyond = [v.value > threshold if order == "Highest" else v.value < threshold for v in victims]
    assert all(beyond)
    values = [v.value for v in victims]
    assert values == sorted(values, reverse=order == "Highest")
    spent = Counter(b.name for v in victims for b in v.budgets)
    assert all(spent[b.name] <= b.allowed for v in victims for b in v.budgets)


@given(candidates, st.randoms())
def test_the_order_of_the_pods_does_not_matter(given_pods: list[Candidate], random: Any) -> None:
    shuffled = random.sample(given_pods, len(given_pods))

    assert choose(action(2), given_pods, 9) == choose(action(2), shuffled, 9)


def test_the_text_of_a_plan_names_the_very_pods_and_fits() -> None:
    longest = [Candidate(f"{letter}" * 253, f"{letter * 4}-" * 6 + "0" * 6, True, 1.0) for letter in "abc"]
    assert len(longest) == MOST_PODS

    text = victims_text(longest)

    assert len(text) <= LONGEST_VALUE
    assert victims_of(text) == {v.uid: v.name for v in longest}
    for other in ("", "3", "evicted: ", "evicted: a", "a/b", "evicted: a/b, c"):
        with pytest.raises(ValueError, match="does not name"):
            victims_of(other)


def budget_body(selector: Any, policy: str = "", generation: int = 1, **status: int) -> dict[str, Any]:
    spec = {"selector": selector} | ({"unhealthyPodEvictionPolicy": policy} if policy else {})
    return {
        "metadata": {"name": "sip", "generation": generation},
        "spec": spec if selector is not None else {},
        "status": {"observedGeneration": 1, **status},
    }


def pod_body(ready: bool = True, phase: str = "Running", **labels: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": "p", "labels": labels}, "status": {"phase": phase, "conditions": conditions}}


@pytest.mark.parametrize(
    ("selector", "covers"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "sip"}}, True),
        ({"matchLabels": {"app": "sip", "tier": "edge"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["sip", "rtp"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["sip"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["edge"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_a_budget_covers_what_it_selects(selector: Any, covers: bool) -> None:
    assert DisruptionBudget.of(budget_body(selector)).covers(pod_body(app="sip")) is covers


@pytest.mark.parametrize(
    ("body", "pod", "charged"),
    [
        (budget_body({}, disruptionsAllowed=1), pod_body(), 1),
        (budget_body({}), pod_body(phase="Pending", ready=False), None),
        (budget_body({}, currentHealthy=1, desiredHealthy=2), pod_body(ready=False), 0),
        (budget_body({}, currentHealthy=2, desiredHealthy=2), pod_body(ready=False), None),
        (budget_body({}, "AlwaysAllow", currentHealthy=1, desiredHealthy=2), pod_body(ready=False), None),
        (budget_body({}, "AlwaysAllow", currentHealthy=1, desiredHealthy=2), pod_body(), 0),
        (budget_body({}, generation=2, disruptionsAllowed=1), pod_body(), 0),
    ],
)
def test_a_budget_lets_go_what_the_eviction_api_lets_go(
    body: dict[str, Any], pod: dict[str, Any], charged: int | None
) -> None:
    over = budgets_over(pod, [DisruptionBudget.of(body)])

    assert [b.allowed for b in over] == ([] if charged is None else [charged])


def test_two_budgets_are_told_even_where_each_would_let_go() -> None:
    both = [DisruptionBudget.of(budget_body({}, "AlwaysAllow"))] * 2

    assert len(budgets_over(pod_body(ready=False), both)) == 2
