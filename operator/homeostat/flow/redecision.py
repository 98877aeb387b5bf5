"""Deciding again, for a record that exists: what it went through is part of the question."""

import hashlib
from typing import Any

from homeostat.contracts.decisions import DecisionType
from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import CandidateVerdict, Phase
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.steps import Follow
from homeostat.contracts.verification import OutcomeName
from homeostat.decide.levels import Autonomy
from homeostat.flow.asking import difference, request
from homeostat.flow.attempts import goes_on_after_success, last_ended, may_run_again, next_attempt, runs
from homeostat.flow.autonomy import take_bearings
from homeostat.flow.branches import succeed
from homeostat.flow.facts import Decision, Finding, Ruling
from homeostat.flow.people import approved_plan, current_plan, missing_approvers
from homeostat.flow.pipeline import Question, conclude
from homeostat.flow.run import Changes, Run
from homeostat.flow.wording import format_time


def is_needless(run: Run) -> bool:
    """Whether nothing more need be done: the promise is kept again, and no step that follows success is owed."""
    return run.is_over() and not _goes_on(run)


def _goes_on(run: Run) -> bool:
    return goes_on_after_success(run.status, run.spec.terms.steps)


def is_called_for(run: Run) -> bool:
    """Whether an act is called for by fresh looks: the breach stands, or the policy goes on after a success."""
    return run.is_confirmed() or (_goes_on(run) and run.is_over() and run.is_seen())


async def decide_again(run: Run, approved: Plan | None = None) -> None:
    """Diagnose and decide afresh, and enter the phase that follows; ``approved`` is the plan that people approved."""
    run.decided_at = run.stages.clock.monotonic()
    intent, source = run.intent(), run.source()
    if intent is None or source is None or run.memory.observation is None:
        await run.wait()
        return
    ended, bearings = last_ended(run.status), await take_bearings(run.stages)
    autonomy = bearings.autonomy(run.policy(), intent, run.spec.terms)
    question = Question(
        record=run.stored.name,
        policy=run.spec.policy.name,
        mode=run.spec.mode,
        autonomy=autonomy,
        facts=bearings.facts(run.stages, run.namespace),
        terms=run.terms,
        trigger=run.spec.trigger.expectation,
        onset=run.spec.episode.since,
        attempts=runs(run.status),
        after=ended.step if ended else "",
        after_again=may_run_again(ended),
        approved=approved,
        # While the promise is kept, its cause cannot be seen: what follows a success is for the cause that was found.
        finding=Finding(run.spec.diagnosis, tuple(run.spec.evidence)) if _goes_on(run) and run.is_over() else None,
    )
    conclusion = await conclude(run.stages, intent, source, run.memory, question)
    run.diagnosis = conclusion.finding.diagnosis
    await _take(run, conclusion.decision, autonomy)


async def _take(run: Run, decision: Decision, autonomy: Autonomy) -> None:
    known: dict[str, Any] = {"candidates": list(decision.candidates), "guards": list(decision.guards)}
    plan = decision.plan
    if decision.ruling is Ruling.NOTHING or plan is None:
        await _take_nothing(run, decision, known)
        return
    plan = plan.model_copy(update={"attempt": next_attempt(run.status, plan.step)})
    if decision.ruling is Ruling.RECORD_ONLY:
        await run.enter(Phase.RECORDED, "Shadow", decision.message, plan=plan, **known)
    elif decision.ruling is Ruling.ASK:
        await _ask(run, _asked_anew(run, plan), known, autonomy)
    else:
        message = f"About to: {plan.description}.{_still_approved(run, plan)}"
        await run.enter(Phase.PLANNED, "Decided", message, plan=plan, **known)


async def _ask(run: Run, plan: Plan, known: Changes, autonomy: Autonomy) -> None:
    before = current_plan(run.stored.record)
    because = difference(before, plan) if before is not None else ""
    if run.status.phase is Phase.PLANNED and not missing_approvers(run.stored.record) and before is not None:
        outside = approved_plan(run.stored.record, run.now()) is not None
        because = f"{because} It is outside of what was approved." if outside else _lapsed(before)
    asked = request(run.stored.name, run.namespace, plan, run.spec.terms.approval.approvers, (), because)
    message = f"{asked} Decided at {autonomy.message}."
    await run.enter(Phase.AWAITING_APPROVAL, "ApprovalNeeded", message, plan=plan, **known)


def _lapsed(plan: Plan) -> str:
    until = format_time(plan.valid_until) if plan.valid_until else ""
    return f"The approval that was given was not used by {until} UTC, and holds no longer."


def _still_approved(run: Run, plan: Plan) -> str:
    """That the target moved, and that the approval covers what was computed again."""
    before = current_plan(run.stored.record)
    if before is None or approved_plan(run.stored.record, run.now()) is None or before.digest != plan.digest:
        return ""
    changed = difference(before, plan)
    return f" {changed} That is within what was approved." if changed else ""


async def _take_nothing(run: Run, decision: Decision, known: Changes) -> None:
    ended, blocked = last_ended(run.status), any(c.verdict is CandidateVerdict.BLOCKED for c in decision.candidates)
    if decision.held in {Follow.STOP, Follow.ESCALATE}:
        await _end_held_back(run, decision, known)
    elif ended is not None and not blocked and ended.outcome is OutcomeName.EFFECTIVE:
        await succeed(run, f"{ended.message} Nothing that follows {ended.step} applies.", known)
    elif ended is not None and not blocked:
        await run.enter(
            Phase.ESCALATED, "NothingFurther", f"No further step applies. {decision.message}"[:1024], **known
        )
    elif run.status.phase is not Phase.BLOCKED or run.status.reason != decision.reason:
        await run.enter(Phase.BLOCKED, decision.reason, decision.message, **known)
    else:
        await run.wait()


async def _end_held_back(run: Run, decision: Decision, known: Changes) -> None:
    """A guard or a boundary holds a step back that is not to wait for it."""
    stops = decision.held is Follow.STOP
    end = "stop then" if stops else "call a person then"
    if run.spec.mode is Mode.SHADOW:
        message = f"Shadow: Live would {end}. {decision.message}"
        await run.enter(Phase.RECORDED, "Shadow", message, **known)
    else:
        phase = Phase.FAILED if stops else Phase.ESCALATED
        await run.enter(phase, decision.reason, f"{decision.message} The policy says to {end}.", **known)


def _asked_anew(run: Run, plan: Plan) -> Plan:
    """The plan under a digest that no earlier approval names: an answer is good for one request."""
    answered = [d.plan_digest for d in run.spec.decisions if d.type is DecisionType.APPROVE]
    if plan.digest not in answered:
        return plan
    digest = hashlib.sha256(f"{plan.digest}/{len(answered)}".encode()).hexdigest()[: len(plan.digest)]
    return plan.model_copy(update={"digest": digest})
