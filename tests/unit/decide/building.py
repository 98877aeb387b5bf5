"""What decisions are made of, with sensible values, for the tests beside it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from homeostat.contracts.actions.action import Action
from homeostat.contracts.actions.evict import EvictAction, WorstPods
from homeostat.contracts.actions.reconfigure import ReconfigureAction, SetValue
from homeostat.contracts.actions.restart import RestartAction
from homeostat.contracts.actions.scale import ScaleAction
from homeostat.contracts.boundaries import Boundaries, BoundaryRule
from homeostat.contracts.guardrails import Frequency, Guardrails, Replicas, StormIn, StormOf
from homeostat.contracts.operations import Plan, TargetIdentity
from homeostat.contracts.remediation import Diagnosis, RankedCause, Terms
from homeostat.contracts.remediation_policy import Approval, Mode, Verification
from homeostat.contracts.steps import Repeat, Step
from homeostat.decide.boundaries import permission
from homeostat.decide.choose import decide
from homeostat.decide.levels import Autonomy
from homeostat.decide.plans import make_plan
from homeostat.flow.facts import NOTHING_KNOWN, Decision, Finding, Ownership, Preview, Reading, Variables, Workload
from homeostat.flow.holds import NO_HOLDS, Holds
from homeostat.flow.past_acts import GuardFacts, Health, PastAct, Population, PromiseRef

PROMISE = PromiseRef("uid-intent", "setup-success")
CALM: Health = {(of, where): Population(total=1, unhealthy=1, unknown=0) for of in StormOf for where in StormIn}
"""The one intent that is looked after is broken."""

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WORKLOAD = TargetIdentity(api_version="apps/v1", kind="Deployment", name="pcscf", uid="uid-pcscf")
CONFIG = TargetIdentity(api_version="v1", kind="ConfigMap", name="pcscf-tuning", uid="uid-tuning")


def scale(
    name: str = "add-capacity", by: str | None = "+50%", causes: Sequence[str] = ("Saturated",), **more: Any
) -> Step:
    given = {key: more.pop(key) for key in ("to", "expression", "max") if key in more}
    action = ScaleAction(target=more.pop("target", "pcscf"), by=by, **given)
    return Step(name=name, causes=list(causes), action=Action(scale=action), **more)


def restore(name: str = "restore-limit", causes: Sequence[str] = ("Misconfigured",), **more: Any) -> Step:
    action = ReconfigureAction(target="pcscf", config_map="pcscf-tuning", key="tuning.yaml", restore="/limits/cps")
    return Step(name=name, causes=list(causes), action=Action(reconfigure=action), **more)


def set_value(name: str = "shed-load", causes: Sequence[str] = ("Saturated",), **more: Any) -> Step:
    wanted = SetValue(path="/limits/cps", value="100")
    action = ReconfigureAction(target="pcscf", config_map="pcscf-tuning", key="tuning.yaml", set=wanted)
    return Step(name=name, causes=list(causes), action=Action(reconfigure=action), **more)


def restart(name: str = "start-anew", **more: Any) -> Step:
    return Step(name=name, action=Action(restart=RestartAction(target="pcscf")), **more)


def evict(name: str = "end-the-worst", **more: Any) -> Step:
    worst = WorstPods(query='failures{namespace="$namespace"}', threshold="0.5")
    return Step(name=name, action=Action(evict=EvictAction(target="pcscf", worst=worst)), **more)


def patch(name: str = "raise-floor", causes: Sequence[str] = ("Saturated",), **more: Any) -> Step:
    ref = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "name": "pcscf"}
    fields = [{"path": "/spec/minReplicas", "value": "3"}]
    action = Action.model_validate({"patch": {"target": "pcscf", "ref": ref, "fields": fields}})
    return Step(name=name, causes=list(causes), action=action, **more)


def resize(name: str = "more-cpu", **more: Any) -> Step:
    action = Action.model_validate({"resize": {"target": "pcscf", "container": "main", "cpu": {"to": "1"}}})
    return Step(name=name, action=action, **more)


def rule(**parts: Any) -> BoundaryRule:
    return BoundaryRule(**parts)


def terms(
    *steps: Step,
    autonomous: Sequence[BoundaryRule] = (),
    approval: Sequence[BoundaryRule] = (),
    never: Sequence[BoundaryRule] = (),
    replicas: tuple[int, int] = (1, 10),
    largest_step: int = 100,
    cooldown: str = "5m",
    frequency: tuple[int, str] | None = (4, "1h"),
    repeat: int | None = None,
    **guards: Any,
) -> Terms:
    chosen = steps or (restore(), scale())
    if repeat is not None:
        chosen = tuple(s.model_copy(update={"repeat": Repeat(limit=repeat)}) for s in chosen)
    return Terms(
        causes=[],
        steps=list(chosen),
        boundaries=Boundaries(autonomous=list(autonomous), approval=list(approval), never=list(never)),
        guardrails=Guardrails(
            replicas=Replicas(min=replicas[0], max=replicas[1]),
            largest_step=largest_step,
            cooldown=cooldown,
            frequency=Frequency(limit=frequency[0], per=frequency[1]) if frequency else None,
            **guards,
        ),
        approval=Approval(),
        verification=Verification(),
    )


UNBOUNDED = Autonomy(level=5, rehearsed=5, reason="LimitedByPolicy", message="autonomy level 5, set by the policy")
ANYTHING_GOES = (rule(risk="Low"), rule(risk="Medium"), rule(risk="High"))


def workload(replicas: int | None = 2, **more: Any) -> Workload:
    facts: dict[str, Any] = {"target": "pcscf", "exists": True, "identity": WORKLOAD, "scalable": True, **more}
    return Workload(replicas=replicas, ready_replicas=replicas or 0, **facts)


def scaling(intended: int = 3, before: int = 2, **more: Any) -> Preview:
    facts: dict[str, Any] = {"description": f"scale Deployment/pcscf {before} -> {intended}", **more}
    facts.setdefault("ownership", Ownership())
    return Preview(target=WORKLOAD, field="spec.replicas", before=str(before), intended=str(intended), **facts)


def restoring(**more: Any) -> Preview:
    facts: dict[str, Any] = {"before": "50", "intended": "500", "description": "restore /limits/cps 50 -> 500", **more}
    facts.setdefault("ownership", Ownership())
    return Preview(target=CONFIG, field="data[tuning.yaml]/limits/cps", **facts)


def finding(*supported: str, targets: Mapping[str, Sequence[str]] | None = None) -> Finding:
    tied = targets or {}
    causes = [
        RankedCause(name=name, score="1.00", supported=True, targets=list(tied.get(name, ()))) for name in supported
    ]
    causes.append(RankedCause(name="Unlikely", score="0.10", supported=False))
    return Finding(Diagnosis(causes=causes), ())


def storm(unhealthy: int, total: int, unknown: int = 0) -> Health:
    """The same numbers of everything, everywhere."""
    return dict.fromkeys(CALM, Population(total, unhealthy, unknown))


def act(record: str = "other", seconds_ago: float = 600, settled_ago: float | None = 500, **more: Any) -> PastAct:
    facts: dict[str, Any] = {
        "policy": "call-setup",
        "workload_uid": WORKLOAD.uid,
        "step": "s",
        "attempt": 1,
        "open": False,
        **more,
    }
    settled = None if settled_ago is None else NOW - timedelta(seconds=settled_ago)
    return PastAct(record=record, at=NOW - timedelta(seconds=seconds_ago), settled_at=settled, outcome=None, **facts)


def plan_of(step: Step, preview: Preview, under: Terms) -> Plan:
    plan = make_plan(step, preview, under, 1, NOW, permission(under.boundaries, step, NOTHING_KNOWN, preview))
    assert plan is not None
    return plan


def ask(
    under: Terms,
    found: Finding,
    *,
    mode: Mode = Mode.LIVE,
    autonomy: Autonomy = UNBOUNDED,
    previews: Mapping[str, Preview] | None = None,
    variables: Variables = NOTHING_KNOWN,
    workloads: Mapping[str, Workload] | None = None,
    facts: GuardFacts | None = None,
    attempts: Mapping[str, int] | None = None,
    after: str = "",
    after_again: bool = True,
    approved: Plan | None = None,
    cpu_share: Mapping[str, Reading] | None = None,
    holds: Holds = NO_HOLDS,
) -> Decision:
    default = {s.name: restoring() if s.action.scale is None else scaling() for s in under.steps}
    return decide(
        record="mine",
        policy="call-setup",
        promise=PROMISE,
        mode=mode,
        autonomy=autonomy,
        terms=under,
        finding=found,
        workloads={"pcscf": workload()} if workloads is None else workloads,
        previews=default if previews is None else previews,
        variables={step.name: variables for step in under.steps},
        guard_facts=facts or GuardFacts(complete=True, health=CALM, everywhere=()),
        holds=holds,
        cpu_share={"pcscf": Reading(0.2)} if cpu_share is None else cpu_share,
        attempts=attempts or {},
        after=after,
        after_again=after_again,
        approved=approved,
        now=NOW,
    )
