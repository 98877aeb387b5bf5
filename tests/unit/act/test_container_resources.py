"""What a step makes of CPU and memory, how a record words it, and what is awaited of a kubelet."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.act.container_resources import (
    ContainerField,
    change_of,
    has,
    quality_of_service,
    read,
    request_above_limit,
    spelled,
    wanted,
)
from homeostat.act.in_force import NO_CAPACITY
from homeostat.act.resize import pod_awaited
from homeostat.contracts.actions.kinds import Risk
from homeostat.contracts.actions.resize import ResizeAction
from homeostat.contracts.quantities import quantity


def action(**changes: Any) -> ResizeAction:
    return ResizeAction.model_validate({"target": "pcscf", "container": "main", **changes})


def after(change: dict[str, str], *present: str, resource: str = "cpu") -> tuple[str, str, str]:
    steps = wanted(action(**{resource: change, "of": ["Limits"]}), [{f"limits.{resource}": p} for p in present])
    return steps[0].before, steps[0].value, steps[0].limit


@pytest.mark.parametrize(
    ("change", "present", "value", "limit"),
    [
        ({"by": "+50%"}, "500m", "750m", ""),
        ({"by": "+50%"}, "2", "3", ""),
        ({"by": "+50%"}, "1.5", "2250m", ""),
        ({"by": "+50%"}, "1m", "2m", ""),
        ({"by": "-25%"}, "1", "750m", ""),
        ({"by": "-25%"}, "3m", "2m", ""),
        ({"by": "-99%"}, "1m", "1m", ""),
        ({"by": "+50%", "max": "600m"}, "500m", "600m", "limits.cpu at max 600m"),
        ({"by": "+50%", "max": "600m"}, "600m", "600m", "limits.cpu at max 600m"),
        ({"by": "+50%", "max": "600m"}, "900m", "900m", "limits.cpu at max 600m"),
        ({"by": "-50%", "min": "400m"}, "500m", "400m", "limits.cpu at min 400m"),
        ({"by": "-50%", "min": "400m"}, "300m", "300m", "limits.cpu at min 400m"),
        ({"to": "1.5"}, "2", "1.5", ""),
    ],
)
def test_cpu_after_a_step(change: dict[str, str], present: str, value: str, limit: str) -> None:
    assert after(change, present) == (present, value, limit)


@pytest.mark.parametrize(
    ("by", "present", "value"),
    [
        ("+50%", "1Gi", "1536Mi"),
        ("+100%", "512Mi", "1Gi"),
        ("+50%", "100M", "144Mi"),
        ("-50%", "1Gi", "512Mi"),
        ("-25%", "100M", "71Mi"),
    ],
)
def test_memory_after_a_step_is_a_whole_number_of_mebibytes(by: str, present: str, value: str) -> None:
    assert after({"by": by}, present, resource="memory")[1] == value


def test_where_pods_differ_a_step_counts_from_the_one_that_is_behind() -> None:
    assert after({"by": "+50%"}, "1", "500m", "2")[:2] == ("500m", "750m")
    assert after({"by": "-50%"}, "1", "500m", "2")[:2] == ("2", "1")
    assert after({"to": "500m"}, "500m", "300m")[:2] == ("300m", "500m")
    up = wanted(action(cpu={"by": "+50%"}), [{"limits.cpu": "1"}, {"limits.cpu": "500m"}])
    assert [dict(change_of({"limits.cpu": p}, up)) for p in ("500m", "1")] == [{"limits.cpu": "750m"}, {}]


CPU = st.integers(1, 64_000).map(lambda n: f"{n}m")


@given(st.lists(CPU, min_size=1, max_size=4), st.integers(1, 999), st.integers(1, 99), CPU)
def test_a_step_never_turns_round_goes_past_its_bound_or_further_than_it_says(
    present: list[str], up: int, down: int, bound: str
) -> None:
    containers = [{"limits.cpu": p} for p in present]
    more = wanted(action(cpu={"by": f"+{up}%", "max": bound}), containers)
    less = wanted(action(cpu={"by": f"-{down}%", "min": bound}), containers)
    unit = quantity("1m")
    for values in containers:
        old = quantity(values["limits.cpu"])
        if grown := change_of(values, more):
            assert old < quantity(grown["limits.cpu"]) <= min(quantity(bound), old * (100 + up) / 100 + unit)
        if shrunk := change_of(values, less):
            assert old > quantity(shrunk["limits.cpu"]) >= max(quantity(bound), old * (100 - down) / 100 - unit)


@given(st.dictionaries(st.sampled_from(["limits.cpu", "limits.memory", "requests.cpu", "requests.memory"]), CPU))
def test_values_in_a_record_read_back(values: dict[str, str]) -> None:
    assert read(spelled(values)) == values


def test_values_are_compared_by_what_they_are_worth() -> None:
    assert has({"limits.cpu": "1500m", "limits.memory": "1Gi"}, {"limits.cpu": "1.5"})
    assert not has({"limits.cpu": "1500m"}, {"limits.cpu": "1.5", "limits.memory": "1Gi"})
    assert not has(None, {})


@pytest.mark.parametrize("in_template", [True, False])
def test_a_field_reads_back_and_its_patch_keeps_all_else(in_template: bool) -> None:
    field = ContainerField("main", in_template)
    assert ContainerField.parse(str(field)) == field
    main = {"name": "main", "ports": [1], "resources": {"claims": [2], "limits": {"cpu": "1", "gpu": "1"}}}
    spec = {"containers": [main, {"name": "other", "image": "x"}]}
    body = {"spec": {"template": {"spec": spec}} if in_template else spec}

    patch = field.patch(body, {"limits.cpu": "2", "requests.cpu": "1"})

    assert field.values(patch) == {"limits.cpu": "2", "requests.cpu": "1"}
    changed, other = field.containers(patch)
    assert other == {"name": "other", "image": "x"}
    assert changed["ports"] == [1]
    assert changed["resources"] == {"claims": [2], "limits": {"cpu": "2", "gpu": "1"}, "requests": {"cpu": "1"}}


def test_what_is_no_field_of_a_container_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'spec\.replicas' names no resources"):
        ContainerField.parse("spec.replicas")


FULL = {"limits.cpu": "1", "requests.cpu": "1000m", "limits.memory": "1Gi", "requests.memory": "1024Mi"}


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([{}, {}], "BestEffort"),
        ([FULL], "Guaranteed"),
        ([FULL, {}], "Burstable"),
        ([{**FULL, "requests.cpu": "500m"}], "Burstable"),
        ([{"limits.cpu": "1", "requests.cpu": "1"}], "Burstable"),
    ],
)
def test_quality_of_service(containers: list[dict[str, str]], expected: str) -> None:
    assert quality_of_service(containers) == expected


def test_a_request_above_its_limit() -> None:
    assert request_above_limit({"requests.memory": "2Gi", "limits.memory": "2000Mi"}) == "memory"
    assert request_above_limit({"requests.cpu": "2", "limits.cpu": "2000m", "requests.memory": "9Gi"}) == ""


@pytest.mark.parametrize(
    ("changes", "risk"),
    [
        ({"cpu": {"by": "+50%"}}, Risk.LOW),
        ({"cpu": {"by": "+50%"}, "memory": {"by": "-5%"}}, Risk.MEDIUM),
        ({"cpu": {"to": "2"}}, Risk.MEDIUM),
        ({"cpu": {"by": "+50%"}, "through": "Template"}, Risk.MEDIUM),
    ],
)
def test_only_more_for_running_pods_is_of_low_risk(changes: dict[str, Any], risk: Risk) -> None:
    assert action(**changes).default_risk is risk


def condition(kind: str, **more: str) -> dict[str, str]:
    return {"type": kind, "status": "True", **more}


@pytest.mark.parametrize(
    ("conditions", "cpu", "said"),
    [
        ([], "750m", ""),
        ([], "0.75", ""),
        ([], "500m", "main of Pod/p to run with limits.cpu=750m"),
        ([], None, "main of Pod/p to run with limits.cpu=750m"),
        ([condition("PodResizeInProgress")], "750m", "main of Pod/p to run"),
        ([condition("PodResizeInProgress", reason="Error", message="cgroup")], "500m", "(cgroup)"),
        (
            [condition("PodResizePending", reason="Deferred", message="full")],
            "500m",
            "room on the node of Pod/p (full)",
        ),
        ([condition("PodResizePending", reason="Infeasible", message="2 cores")], "500m", f"{NO_CAPACITY}the node of"),
        ([{**condition("PodResizePending", reason="Infeasible"), "status": "False"}], "750m", ""),
    ],
)
def test_what_is_awaited_of_the_kubelet(conditions: list[dict[str, str]], cpu: str | None, said: str) -> None:
    running = {"name": "main", "resources": {"limits": {"cpu": cpu} if cpu else {}}}
    pod = {"metadata": {"name": "p"}, "status": {"conditions": conditions, "containerStatuses": [running]}}

    waiting = pod_awaited(pod, "main", {"limits.cpu": "750m"})

    assert said in waiting
    assert bool(waiting) == bool(said)
