"""State and signals in, decision and record out, through the very functions that run live."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from homeostat.contracts.autonomy_ceiling import AutonomyCeilingSpec
from homeostat.contracts.guardrails import StormIn, StormOf
from homeostat.contracts.operations import TargetIdentity
from homeostat.contracts.remediation import EpisodeRef, IntentRef, PolicyRef, Promise, RemediationSpec, TriggerRef
from homeostat.contracts.remediation_policy import RemediationPolicySpec
from homeostat.contracts.service_intent import ExpectationStateName, ServiceIntentSpec
from homeostat.contracts.verification import OutcomeName
from homeostat.decide.choose import decide
from homeostat.decide.levels import effective_autonomy
from homeostat.decide.variables import variables_for
from homeostat.diagnose.causes import diagnose
from homeostat.evaluate.assess import assess
from homeostat.flow.facts import (
    Assessment,
    ConfigChange,
    Finding,
    Observation,
    Owner,
    Ownership,
    Pod,
    Preview,
    Reading,
    Ruling,
    Situation,
    Unknown,
    Variables,
    Workload,
)
from homeostat.flow.holds import NO_HOLDS
from homeostat.flow.past_acts import GuardFacts, PastAct, Population, PromiseRef
from homeostat.flow.phases import first_status
from homeostat.flow.pipeline import load_before, terms_of
from homeostat.flow.resources import CompiledIntent, Stamp

CASES = Path(__file__).parent / "cases"
BASE = yaml.safe_load((CASES / "base.yaml").read_text())
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DEPLOYMENT = TargetIdentity(api_version="apps/v1", kind="Deployment", name="pcscf", uid="uid-pcscf")
CONFIG_MAP = TargetIdentity(api_version="v1", kind="ConfigMap", name="pcscf-tuning", uid="uid-tuning")
TRIGGER = "setup-success"


def cases() -> list[Any]:
    files = [p for p in sorted(CASES.glob("*.yaml")) if p.name != "base.yaml"]
    return [pytest.param(case, id=case["name"]) for path in files for case in yaml.safe_load(path.read_text())]


def reading(value: float | str, load: float | None) -> Reading:
    if isinstance(value, str):
        return Reading(None, Unknown(value), f"{value} in this case")
    return Reading(float(value), load=load, as_of=NOW, age_seconds=0.5)


def assessed(spec: ServiceIntentSpec, case: Mapping[str, Any]) -> tuple[Assessment, Reading]:
    values, loads = case["signals"]["values"], case["signals"].get("loads", [100] * len(case["signals"]["values"]))
    assessment, last = None, None
    for number, (value, load) in enumerate(zip(values, loads, strict=True)):
        at = NOW - timedelta(seconds=len(values) - 1 - number)
        last = reading(value, load)
        assessment = assess(spec, assessment.tracks if assessment else {}, {TRIGGER: last}, at)
    assert assessment is not None
    assert last is not None
    return assessment, last


def workload(case: Mapping[str, Any]) -> Workload:
    replicas = case.get("replicas", 1)
    pods = tuple(Pod(f"pcscf-{n}", f"uid-{n}", True, NOW - timedelta(hours=1), False, 0.1) for n in range(replicas))
    return Workload(
        target="pcscf",
        exists=True,
        identity=DEPLOYMENT,
        resource_version="7",
        replicas=replicas,
        ready_replicas=replicas,
        settled=True,
        scalable=True,
        pods=pods,
    )


def previews(case: Mapping[str, Any]) -> dict[str, Preview]:
    replicas = case.get("replicas", 1)
    known = {
        "restore-limit": Preview(
            target=CONFIG_MAP,
            field="data[tuning.yaml]/limits/invitesPerSecond",
            before="30",
            intended="400",
            description="restore invitesPerSecond 30 -> 400 in pcscf-tuning",
            ownership=Ownership(),
        ),
        "add-capacity": Preview(
            target=DEPLOYMENT,
            field="spec.replicas",
            before=str(replicas),
            intended=str(2 * replicas),
            description=f"scale Deployment/pcscf {replicas} -> {2 * replicas}",
            ownership=Ownership(),
        ),
    }
    for step, owner in case.get("owners", {}).items():
        known[step] = replace(known[step], ownership=Ownership((Owner(owner, "act on it instead"),)))
    for step, given in case.get("previews", {}).items():
        known[step] = Preview(target=DEPLOYMENT, field="spec.replicas", description="scale", **given)
    return known


def variables(case: Mapping[str, Any], spec, policy, assessment: Assessment, finding: Finding) -> dict[str, Variables]:
    stamp = Stamp("ims", "call-setup", "uid-intent", 1)
    return {
        step.name: variables_for(
            step,
            intent=CompiledIntent(stamp, {"tier": "gold"}, spec),
            trigger=TRIGGER,
            tracks=assessment.tracks,
            diagnosis=finding.diagnosis,
            workload=workload(case),
            now=NOW,
        )
        for step in policy.steps
    }


def past(case: Mapping[str, Any]) -> GuardFacts:
    def ago(act: Mapping[str, Any], key: str) -> datetime:
        return NOW - timedelta(seconds=act[key])

    acts = tuple(
        PastAct(
            record=f"earlier-{number}",
            policy="call-setup",
            workload_uid=DEPLOYMENT.uid,
            step="add-capacity",
            attempt=1,
            at=ago(act, "secondsAgo"),
            settled_at=ago(act, "settledSecondsAgo"),
            outcome=OutcomeName.EFFECTIVE,
            open=False,
        )
        for number, act in enumerate(case.get("acts", []))
    )
    calm = {(of, where): Population(total=1, unhealthy=1, unknown=0) for of in StormOf for where in StormIn}
    return GuardFacts(complete=case.get("recordsComplete", True), acts=acts, health=calm, everywhere=acts)


def changes(case: Mapping[str, Any]) -> tuple[ConfigChange, ...]:
    return tuple(
        ConfigChange(
            "pcscf-tuning",
            "tuning.yaml",
            c["path"],
            c["before"],
            c["after"],
            NOW - timedelta(seconds=c["secondsAgo"]),
            "kubectl-edit",
        )
        for c in case.get("changes", [])
    )


@pytest.mark.parametrize("case", cases())
def test_scenario(case: Mapping[str, Any]):
    expected = case["expect"]
    spec = ServiceIntentSpec.model_validate(BASE["intent"])
    given = {key: case[key] for key in ("mode", "boundaries", "autonomyLevel") if key in case}
    steps = [{**step, "if": case.get("if", {}).get(step["name"])} for step in BASE["policy"]["steps"]]
    policy = RemediationPolicySpec.model_validate(BASE["policy"] | {"steps": steps} | given)
    assessment, last = assessed(spec, case)
    track = assessment.tracks[TRIGGER]
    assert track.state == expected["state"]
    if track.state is not ExpectationStateName.VIOLATED:
        assert assessment.violated() == ()
        return

    seen = Observation(NOW, {TRIGGER: last}, {"pcscf": workload(case)})
    situation = Situation(
        seen, TRIGGER, {"pcscf": reading(case["cpuShare"], None)}, {}, changes(case), load_before(track), "region-west"
    )
    terms = terms_of(policy)
    finding = diagnose(spec, terms.causes, situation)
    decision = decide(
        record="call-setup-1",
        policy="call-setup",
        promise=PromiseRef("uid-intent", TRIGGER),
        mode=policy.mode,
        autonomy=effective_autonomy(
            AutonomyCeilingSpec.model_validate({"mode": "Live", "autonomyLevel": 5} | case.get("ceiling", {})),
            case.get("intentLevel"),
            policy.autonomy_level,
            policy.mode,
            None,
        ),
        terms=terms,
        finding=finding,
        workloads=seen.workloads,
        previews=previews(case),
        variables=variables(case, spec, policy, assessment, finding),
        guard_facts=past(case),
        holds=NO_HOLDS,
        cpu_share=situation.cpu_share,
        attempts={},
        now=NOW,
    )
    assert decision.ruling == expected["ruling"], decision.message
    assert {c.step for c in decision.candidates} == {"restore-limit", "add-capacity"}
    if "step" in expected:
        assert decision.plan is not None
        assert decision.plan.step == expected["step"]
    if decision.ruling is Ruling.NOTHING:
        assert decision.plan is None
        assert decision.message
    if "cause" in expected:
        assert finding.diagnosis.causes[0].name == expected["cause"]
        assert finding.diagnosis.causes[0].supported
    for step, reason in expected.get("blocked", {}).items():
        assert next(c.reason for c in decision.candidates if c.step == step) == reason
    if "phase" in expected:
        made = record(spec, policy, track.message, finding, decision)
        assert first_status("ims", "record", made, NOW).phase == expected["phase"]


def record(spec, policy, why, finding, decision) -> RemediationSpec:
    return RemediationSpec(
        mode=policy.mode,
        intent=IntentRef(name="call-setup", uid="uid-intent"),
        policy=PolicyRef(name="call-setup", uid="uid-policy", hash="0" * 64),
        episode=EpisodeRef(number=1, since=NOW, digest="0" * 64),
        trigger=TriggerRef(name="calls-fail", expectation=TRIGGER),
        why=why,
        evidence=list(finding.evidence),
        diagnosis=finding.diagnosis,
        candidates=list(decision.candidates),
        plan=decision.plan,
        promise=Promise(observation_period="1s", targets=spec.targets, expectations=spec.expectations),
        terms=terms_of(policy),
    )
