"""Others who set the same fields: who may be overruled, and who sets things back again and again."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.contracts.guardrails import Guardrails
from homeostat.contracts.operations import Plan, TargetIdentity
from homeostat.contracts.remediation import GuardVerdict, GuardVerdictName, Terms
from homeostat.decide.guards import check_guards
from homeostat.flow.facts import Owner, Ownership, Preview, Reading
from homeostat.flow.holds import NO_HOLDS
from homeostat.flow.past_acts import GuardFacts, PastAct, PastChange
from tests.unit.decide.building import (
    CALM,
    NOW,
    PROMISE,
    WORKLOAD,
    act,
    patch,
    plan_of,
    resize,
    restore,
    restoring,
    scale,
    scaling,
    terms,
    workload,
)

PERMIT, DENY = GuardVerdictName.PERMIT, GuardVerdictName.DENY
HPA = TargetIdentity(api_version="autoscaling/v2", kind="HorizontalPodAutoscaler", name="pcscf", uid="uid-hpa")
AUTOSCALER = Owner("HorizontalPodAutoscaler/pcscf scales Deployment/pcscf", "patch its bounds")
HELM = Owner("Helm release ims/pcscf sets it", "take the field out of its templates", ("helm",))
PERSON = Owner("kubectl-edit set it", "someone set it by kubectl", ("kubectl-edit",), is_person=True)
OPERATOR = Owner("NFDeployment/ims controls Deployment/pcscf", "patch it instead", ("nephio", "porch"))

SCALE_OUT = plan_of(scale(), scaling(), terms())
RESTORE = plan_of(restore(), restoring(), terms())


def taking(*managers: str, **more: object) -> Terms:
    under = terms(**more)  # type: ignore[arg-type]
    rails = Guardrails.model_validate({**under.guardrails.model_dump(by_alias=True), "takeFrom": list(managers)})
    return under.model_copy(update={"guardrails": rails})


def bounds(**values: int) -> Plan:
    before = {f"/spec/{name}": None for name in values}
    after = {f"/spec/{name}": value for name, value in values.items()}
    preview = Preview(
        target=HPA, field=" ".join(after), before=json.dumps(before), intended=json.dumps(after), ownership=Ownership()
    )
    return plan_of(patch(), preview, terms())


def guard(
    name: str,
    plan: Plan,
    *,
    owned: Ownership | None = None,
    under: Terms | None = None,
    replicas: int = 2,
    acts: tuple[PastAct, ...] = (),
    cpu_share: Reading | None = None,
) -> GuardVerdict:
    verdicts = check_guards(
        record="mine",
        policy="call-setup",
        promise=PROMISE,
        terms=under or terms(),
        plan=plan,
        workload=workload(replicas),
        ownership=owned,
        facts=GuardFacts(complete=True, acts=acts, health=CALM),
        holds=NO_HOLDS,
        now=NOW,
        cpu_share=cpu_share,
    )
    return next(v for v in verdicts if v.name == name)


@pytest.mark.parametrize(
    ("plan", "owner", "managers", "permitted"),
    [
        (SCALE_OUT, AUTOSCALER, (), False),
        (SCALE_OUT, AUTOSCALER, ("kube-controller-manager", "helm"), False),
        (SCALE_OUT, HELM, (), False),
        (SCALE_OUT, HELM, ("helm",), True),
        (SCALE_OUT, HELM, ("argocd-controller",), False),
        (SCALE_OUT, OPERATOR, ("nephio",), False),
        (SCALE_OUT, OPERATOR, ("nephio", "porch"), True),
        (SCALE_OUT, PERSON, (), True),
        (RESTORE, PERSON, (), True),
        (RESTORE, HELM, (), False),
        (bounds(minReplicas=3), PERSON, (), False),
        (bounds(minReplicas=3), PERSON, ("kubectl-edit",), True),
    ],
)
def test_who_may_be_overruled(plan, owner, managers, permitted):
    verdict = guard("ManagedBy", plan, owned=Ownership((owner,)), under=taking(*managers))
    assert (verdict.verdict, verdict.reason) == ((PERMIT, "") if permitted else (DENY, "TargetManagedBy"))
    assert owner.name in verdict.message or owner.is_person
    assert permitted or owner.advice in verdict.message


def test_every_owner_must_give_way():
    verdict = guard("ManagedBy", SCALE_OUT, owned=Ownership((HELM, AUTOSCALER)), under=taking("helm"))
    assert verdict.message.startswith(AUTOSCALER.name)


@pytest.mark.parametrize("owned", [None, Ownership(unknown="horizontalpodautoscalers is forbidden")])
def test_unknown_owners_deny(owned):
    verdict = guard("ManagedBy", SCALE_OUT, owned=owned)
    assert (verdict.verdict, verdict.reason) == (DENY, "OwnersUnknown")


@pytest.mark.parametrize(
    ("values", "guard_name", "reason"),
    [
        ({"minReplicas": 4}, "Bounds", ""),
        ({"maxReplicas": 10}, "Bounds", ""),
        ({"maxReplicas": 11}, "Bounds", "OutOfBounds"),
        ({"minReplicas": 0}, "Bounds", "OutOfBounds"),
        ({"minReplicas": 3, "maxReplicas": 11}, "Bounds", "OutOfBounds"),
        ({"minReplicas": 4}, "LargestStep", ""),
        ({"minReplicas": 5}, "LargestStep", "StepTooLarge"),
        ({"maxReplicas": 9}, "LargestStep", ""),
        ({"minReplicas": 3}, "SecondIndicator", ""),
        ({"maxReplicas": 1}, "SecondIndicator", ""),
    ],
)
def test_the_bounds_of_an_autoscaler_are_held_to_those_of_the_policy(values, guard_name, reason):
    assert guard(guard_name, bounds(**values), owned=Ownership()).reason == reason


def lowered(floor: int) -> Plan:
    texts = {name: json.dumps({"/spec/minReplicas": value}) for name, value in (("before", 4), ("intended", floor))}
    return bounds(minReplicas=floor).model_copy(update=texts)


@pytest.mark.parametrize(
    ("share", "floor", "reason"),
    [(None, 3, "SecondIndicatorMissing"), (0.2, 2, ""), (0.5, 2, "NoHeadroom"), (0.5, 3, "")],
)
def test_a_floor_is_lowered_only_where_cpu_use_allows_what_may_follow(share, floor, reason):
    cpu = None if share is None else Reading(share)
    assert guard("SecondIndicator", lowered(floor), owned=Ownership(), replicas=4, cpu_share=cpu).reason == reason


def test_a_lower_floor_is_a_step_as_large_as_what_may_follow():
    half = terms(largest_step=50)
    assert guard("LargestStep", lowered(1), under=half, replicas=4).reason == "StepTooLarge"
    assert guard("LargestStep", lowered(2), under=half, replicas=4).reason == ""


def scaled(hours_ago: float, before: int = 2, after: int = 3, by: str = "", *, taken_back: bool = False) -> PastAct:
    change = PastChange(WORKLOAD.uid, "spec.replicas", str(before), by, str(after), taken_back)
    return act(seconds_ago=hours_ago * 3600, settled_ago=hours_ago * 3600 - 60, changes=(change,))


def again(by: str = "kustomize-controller") -> Plan:
    return SCALE_OUT.model_copy(update={"before_by": by})


@pytest.mark.parametrize(
    ("acts", "denied"),
    [
        ((), False),
        ((scaled(2),), False),
        ((scaled(2), scaled(1)), True),
        ((scaled(25), scaled(1)), False),
        ((scaled(2, taken_back=True), scaled(1)), False),
        ((scaled(2, 2, 3), scaled(1, 3, 4)), False),
        ((scaled(3, 2, 3), scaled(2, 3, 4), scaled(1)), False),
        ((scaled(3), scaled(2), scaled(1)), True),
    ],
)
def test_there_is_no_third_round_with_someone_who_sets_it_back(acts, denied):
    verdict = guard("PingPong", again(), owned=Ownership(), acts=acts)
    assert (verdict.verdict is DENY) is denied
    assert verdict.reason == ("PingPong" if denied else "")


RESIZE = plan_of(
    resize(),
    Preview(
        target=WORKLOAD,
        field="spec.containers[main].resources",
        before="limits.cpu=500m",
        intended="limits.cpu=1",
        ownership=Ownership(),
    ),
    terms(),
)


@pytest.mark.parametrize(("rounds", "denied"), [(1, ""), (2, "PingPong")])
def test_quantities_that_are_set_back_in_running_pods_are_seen(rounds, denied):
    change = PastChange(WORKLOAD.uid, "spec.containers[main].resources.limits.cpu", "500m", "", "1", False)
    acts = tuple(act(seconds_ago=3600 * n, changes=(change,)) for n in range(1, rounds + 1))
    assert guard("PingPong", RESIZE, owned=Ownership(), acts=acts).reason == denied


def test_the_one_who_sets_it_back_is_named():
    message = guard("PingPong", again("argocd-controller"), acts=(scaled(1, by="helm"), scaled(2))).message
    assert message.startswith("argocd-controller set spec.replicas of Deployment/pcscf back after each of the last 2")


def test_another_field_of_the_same_object_is_another_matter():
    changes = tuple(PastChange(HPA.uid, "/spec/maxReplicas", "absent", "", "6", False) for _ in range(2))
    acts = tuple(act(seconds_ago=3600 * n, changes=(change,)) for n, change in enumerate(changes, start=1))
    assert guard("PingPong", bounds(minReplicas=3), acts=acts).verdict is PERMIT
    assert guard("PingPong", bounds(minReplicas=3, maxReplicas=6), acts=acts).reason == "PingPong"


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), max_size=6), st.randoms())
def test_the_order_in_which_records_are_read_does_not_matter(changes, random):
    acts = [scaled(n + 1, before, after) for n, (before, after) in enumerate(changes)]
    shuffled = list(acts)
    random.shuffle(shuffled)
    assert guard("PingPong", again(), acts=tuple(acts)) == guard("PingPong", again(), acts=tuple(shuffled))


def test_what_is_remembered_ends():
    acts = (scaled(2), scaled(1))
    later = check_guards(
        record="mine",
        policy="call-setup",
        promise=PROMISE,
        terms=terms(),
        plan=again(),
        workload=workload(),
        ownership=Ownership(),
        facts=GuardFacts(complete=True, acts=acts, health=CALM),
        holds=NO_HOLDS,
        now=NOW + timedelta(hours=23),
    )
    assert next(v for v in later if v.name == "PingPong").verdict is PERMIT
