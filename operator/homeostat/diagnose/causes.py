"""Ranking the causes of a broken promise by the evidence."""

from collections.abc import Sequence
from datetime import timedelta

from homeostat.contracts.causes import CauseRule
from homeostat.contracts.remediation import Diagnosis, Evidence, RankedCause, Says
from homeostat.contracts.service_intent import ServiceIntentSpec
from homeostat.flow.facts import Finding, Situation
from homeostat.flow.wording import clip

from .changes import describe_change, net_changes, why_no_change
from .evidence import Hypothesis, Weighed, declared, observed, onset_of
from .symptoms import (
    Demand,
    Level,
    TargetCpu,
    busiest,
    cpu_of_targets,
    demand,
    pods_of_target,
    source_answers,
    trigger_unknown,
)

SATURATED, MISCONFIGURED, TARGET_DOWN, TELEMETRY_FAULT = "Saturated", "Misconfigured", "TargetDown", "TelemetryFault"

_RECENT = timedelta(minutes=30)
_MOST_EVIDENCE = 64
_MOST_CHANGES_SHOWN = 4


def diagnose(spec: ServiceIntentSpec, causes: Sequence[CauseRule], situation: Situation) -> Finding:
    """Rank the built-in causes and those that the policy declares, most likely first.

    While the trigger itself cannot be measured, no other cause is supported: whether the promise is broken now is then
    not known, and nothing may be done on it. A declared cause with a built-in cause's name adds conditions to that one.
    """
    built_in = (
        _saturated(spec, situation),
        _misconfigured(spec, situation),
        _target_down(spec, situation),
        _telemetry_fault(situation),
    )
    hypotheses = {h.name: h for h in built_in}
    for rule in causes:
        own, known = declared(rule, situation), hypotheses.get(rule.name)
        hypotheses[rule.name] = own if known is None else known.narrowed_by(own)
    if trigger_unknown(situation):
        hypotheses = {n: built_in[-1] if n == TELEMETRY_FAULT else h.vetoed() for n, h in hypotheses.items()}
    ranked = sorted(hypotheses.values(), key=lambda h: (not h.supported, -h.score, h.name))
    diagnosis = Diagnosis(summary=clip(_summary(ranked, situation)), causes=[_as_cause(h) for h in ranked])
    return Finding(diagnosis, _kept(ranked))


def _saturated(spec: ServiceIntentSpec, situation: Situation) -> Hypothesis:
    """The work offered exceeds what the pods may use.

    CPU at its limit decides; without CPU data it is never supported. Only the target that decides counts, since an idle
    neighbour says nothing about it. Risen load makes it likelier, but its absence does not exclude it.
    """
    cpus = cpu_of_targets(spec, situation)
    deciding = busiest(cpus)
    seen = [_cpu_evidence(SATURATED, cpu, situation, counts=cpu is deciding) for cpu in cpus]
    moved, message, load = demand(situation)
    says = {Demand.ROSE: Says.SUPPORTS, Demand.STEADY: Says.AGAINST, Demand.UNKNOWN: Says.UNKNOWN}[moved]
    seen.append(observed(situation, SATURATED, "load", says, message, value=load))
    found = tuple(cpu.target for cpu in cpus if cpu.level is Level.SATURATED)
    return Hypothesis(SATURATED, tuple(seen), supported=bool(found), targets=found)


def _cpu_evidence(cause: str, cpu: TargetCpu, situation: Situation, *, counts: bool) -> Weighed:
    says, weight = {
        Level.SATURATED: (Says.SUPPORTS, 2.0),
        Level.BUSY: (Says.AGAINST, 1.0),
        Level.IDLE: (Says.AGAINST, 3.0),
        Level.UNKNOWN: (Says.UNKNOWN, 2.0),
    }[cpu.level]
    return observed(
        situation,
        cause,
        f"cpu/{cpu.target}",
        says,
        cpu.message,
        weight=weight if counts else 0.0,
        value="" if cpu.reading is None else f"{cpu.reading.value:.3f}",
        as_of=cpu.reading.as_of if cpu.reading else None,
    )


def _misconfigured(spec: ServiceIntentSpec, situation: Situation) -> Hypothesis:
    """A change of configuration in the last half hour before the onset broke it.

    The change is necessary, and must come before the breach. It is not sufficient while CPU is at its limit: a limit
    that was set too low turns work away and leaves CPU low, so full CPU under more load, or under a load that is not
    known, is overload that happens to follow a change. Full CPU at a load that did not rise does fit a change: the same
    work became dearer. Then both causes are supported, and the policy's order of steps decides.
    """
    cpu = busiest(cpu_of_targets(spec, situation))
    moved, load_message, load = demand(situation)
    onset = onset_of(situation)
    recent = net_changes(situation.changes, onset, _RECENT)
    overloaded = cpu.level is Level.SATURATED and moved is not Demand.STEADY
    fits = {
        Level.IDLE: (Says.SUPPORTS, 1.0, ", as a limit set too low leaves it"),
        Level.SATURATED: (Says.AGAINST, 2.0, ", which a limit set too low would not cause"),
        Level.BUSY: (Says.AGAINST, 0.0, ""),
        Level.UNKNOWN: (Says.UNKNOWN, 1.0, ""),
    }
    says, weight, remark = fits[cpu.level]
    load_says = {Demand.ROSE: Says.AGAINST, Demand.STEADY: Says.SUPPORTS, Demand.UNKNOWN: Says.UNKNOWN}[moved]
    seen = (
        *_change_evidence(situation),
        observed(situation, MISCONFIGURED, f"cpu/{cpu.target}", says, cpu.message + remark, weight=weight),
        observed(situation, MISCONFIGURED, "load", load_says, load_message, value=load),
    )
    return Hypothesis(MISCONFIGURED, seen, supported=bool(recent) and not overloaded)


def _change_evidence(situation: Situation) -> tuple[Weighed, ...]:
    onset = onset_of(situation)
    recent = net_changes(situation.changes, onset, _RECENT)
    if not recent:
        message = why_no_change(situation.changes, onset, _RECENT)
        return (observed(situation, MISCONFIGURED, "change", Says.AGAINST, message, weight=4),)
    return tuple(
        observed(
            situation,
            MISCONFIGURED,
            f"change/{number}",
            Says.SUPPORTS,
            describe_change(change, onset),
            weight=2 if number == 1 else 0,
            as_of=change.at,
        )
        for number, change in enumerate(recent[:_MOST_CHANGES_SHOWN], start=1)
    )


def _target_down(spec: ServiceIntentSpec, situation: Situation) -> Hypothesis:
    """A target has no ready pod, and the telemetry that says that calls fail is alive.

    That every instance seems down is first a telemetry question: without any measured value it is not supported.
    """
    workloads = situation.observation.workloads
    pods = {t.name: pods_of_target(TARGET_DOWN, t.name, workloads.get(t.name), situation) for t in spec.targets}
    down = tuple(name for name, seen in pods.items() if seen.says is Says.SUPPORTS)
    shown = tuple(seen if not down or name in down else Weighed(seen.evidence, 0.0) for name, seen in pods.items())
    answers = source_answers(situation)
    source = observed(
        situation,
        TARGET_DOWN,
        "source",
        Says.UNKNOWN if not answers else Says.SUPPORTS if down else Says.AGAINST,
        "the telemetry source answers" if answers else "the telemetry source gives no value at all",
        weight=0 if not down else 1,
    )
    return Hypothesis(TARGET_DOWN, (*shown, source), supported=bool(down) and answers, targets=down)


def _telemetry_fault(situation: Situation) -> Hypothesis:
    """What is broken is the measurement: the trigger has no trustworthy value."""
    why = trigger_unknown(situation)
    message = f"{situation.trigger} is not known: {why}" if why else f"{situation.trigger} is measured and fresh"
    trigger = observed(situation, TELEMETRY_FAULT, "trigger", Says.SUPPORTS if why else Says.AGAINST, message, weight=2)
    answers = source_answers(situation)
    source = observed(
        situation,
        TELEMETRY_FAULT,
        "source",
        Says.AGAINST if answers else Says.SUPPORTS,
        "the source answers other queries" if answers else "the source gives no value at all",
    )
    return Hypothesis(TELEMETRY_FAULT, (trigger, source), supported=bool(why))


def _as_cause(hypothesis: Hypothesis) -> RankedCause:
    parts = [
        f"{word}: {'; '.join(sentences)}"
        for word, says in (("For", Says.SUPPORTS), ("against", Says.AGAINST), ("unknown", Says.UNKNOWN))
        if (sentences := hypothesis.sentences(says))
    ]
    return RankedCause(
        name=hypothesis.name,
        score=f"{hypothesis.score:.2f}",
        supported=hypothesis.supported,
        message=clip(". ".join(parts) + "."),
        targets=list(hypothesis.targets),
    )


def _summary(ranked: Sequence[Hypothesis], situation: Situation) -> str:
    first, others = ranked[0], [h for h in ranked[1:] if h.name not in {TELEMETRY_FAULT, TARGET_DOWN}]
    if first.name == TELEMETRY_FAULT and first.supported:
        return (
            f"{situation.trigger} cannot be measured ({trigger_unknown(situation)}), so no cause can be told apart and "
            "nothing is done. Look at the telemetry source and at the pods' metrics first."
        )
    lead = f"Most likely {_scored(first)}" if first.supported else f"No cause is supported; closest is {_scored(first)}"
    parts = [lead]
    if reasons := first.sentences(Says.SUPPORTS):
        parts.append(f"For it: {'; '.join(reasons)}")
    if not first.supported and (reasons := first.sentences(Says.AGAINST) or first.sentences(Says.UNKNOWN)):
        parts.append(f"Against it: {'; '.join(reasons)}")
    for other in others[:2]:
        if other.supported:
            parts.append(f"Also possible: {_scored(other)}: {'; '.join(other.sentences(Says.SUPPORTS))}")
        elif reasons := other.sentences(Says.AGAINST) or other.sentences(Says.UNKNOWN):
            parts.append(f"Against {_scored(other)}: {reasons[0]}")
    return ". ".join(parts) + "."


def _scored(hypothesis: Hypothesis) -> str:
    return f"{hypothesis.name} ({hypothesis.score:.2f})"


def _kept(ranked: Sequence[Hypothesis]) -> tuple[Evidence, ...]:
    """The evidence in the order of the causes; what a record cannot hold is left out, and that is said."""
    evidence = [w.evidence for h in ranked for w in h.observed]
    if len(evidence) <= _MOST_EVIDENCE:
        return tuple(evidence)
    left = len(evidence) - (_MOST_EVIDENCE - 1)
    note = Evidence(
        name="left-out", cause=evidence[-1].cause, says=Says.UNKNOWN, message=f"{left} more observations are left out"
    )
    return (*evidence[: _MOST_EVIDENCE - 1], note)
