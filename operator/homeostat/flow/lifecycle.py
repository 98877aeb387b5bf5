"""The life of a remediation from its record to its end: one function per phase, in the order they follow.

Every function ends in a written transition or in a wait; a crash between any two of them is resumed from the record.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.operations import Authority, OperationKind, OperationState, Plan
from homeostat.contracts.remediation import CandidateVerdict, DecisionType, GuardVerdictName, Phase
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.contracts.verification import OutcomeName, VerificationResult
from homeostat.decide.candidates import withdrawn
from homeostat.decide.guardrails import check_guards
from homeostat.flow.execution import Progress, carry_out, void_the_rest
from homeostat.flow.facts import Decision, Occasion, Reading, Ruling, Workload
from homeostat.flow.phases import is_open
from homeostat.flow.pipeline import Question, conclude, preview_step
from homeostat.flow.ports import KubernetesError, PlanStaleError
from homeostat.flow.release import release
from homeostat.flow.run import RecordLostError, RecordMovedError, Run
from homeostat.flow.verification import roll_back, start_verification, verify
from homeostat.flow.wording import or_absent
from homeostat.record.guard_facts import guard_facts

log = logging.getLogger(__name__)


async def live(run: Run) -> None:
    """Move a remediation on until nothing is left to do for it."""
    while is_open(run.stored.record):
        try:
            await _advance(run)
        except RecordMovedError:
            log.info("the record was written by someone else; entering its phase again")
        except RecordLostError:
            run.lose()
            run.stages.events.emit(
                run.namespace,
                run.intent_identity,
                "RecordLost",
                "Remediate",
                f"{run.stored.name} is gone. Nothing more is done for this episode; a person must look.",
                warning=True,
            )
            log.error("the record is gone; nothing more is done for it")
            return
        except KubernetesError as error:
            log.warning("the API server did not serve this phase; it is tried again: %s", error)
            await run.wait()


async def _advance(run: Run) -> None:
    if run.intent() is None and run.status.phase is not Phase.SUCCEEDED:
        await _cancel(run, "IntentGone", "The intent was deleted or deactivated; nothing further is done.")
        return
    await _PHASES[run.status.phase](run)


async def _cancel(run: Run, reason: str, message: str) -> None:
    if run.status.plan or run.spec.plan:
        await void_the_rest(run, OperationKind.APPLY, message)
    await run.enter(Phase.CANCELLED, reason, message)


async def decided(run: Run) -> None:
    """Planned: make sure that the world still is as the decision saw it, record the effect, then have it."""
    if run.is_over():
        await run.enter(Phase.SUPERSEDED, "Recovered", "The promise is kept again without an act; none was made.")
        return
    if not run.is_confirmed():
        await _wait_for_data(run)
        return
    if await _may_not_act(run):
        return
    if not await _still_as_planned(run):
        await _decide_again(run, approved=_approved(run))
        return
    if not await _guards_permit(run):
        return
    try:
        workload = await run.stages.workloads.look(run.namespace, run.target)
        occasion = Occasion(run.namespace, run.target, workload, run.source())
        planned = await run.stages.effects.actuator(run.plan.action).operations(run.plan, run.step, occasion, run.now())
    except PlanStaleError as stale:
        log.info("the plan is stale: %s", stale)
        await _decide_again(run, approved=_approved(run))
        return
    operations = [o.model_copy(update={"before_by": run.plan.before_by}) for o in planned]
    run.recorded_here.update(o.id for o in operations)
    await run.enter(
        Phase.EXECUTING,
        "Acting",
        f"{run.plan.description}.",
        operations=run.replaced(operations),
        verifications=[*run.status.verifications, start_verification(run, operations)],
    )


async def _may_not_act(run: Run) -> bool:
    """End or hold the remediation where the policy, or the missing guard of approvals, forbids any act."""
    refusal, unprotected = _policy_forbids(run), run.stages.approvals.unprotected
    if refusal:
        await _cancel(run, "PolicyChanged", refusal)
    elif unprotected:
        await _block(run, "ApprovalUnprotected", f"Nothing is done: {unprotected}.")
    return bool(refusal or unprotected)


async def _block(run: Run, reason: str, message: str, **changes: object) -> None:
    """Hold the remediation; what was intended and not done is given up, and decided afresh when nothing forbids it."""
    await void_the_rest(run, OperationKind.APPLY, message)
    await run.enter(Phase.BLOCKED, reason, message, None, **changes)


async def _wait_for_data(run: Run) -> None:
    if run.track.state is ExpectationStateName.UNKNOWN and run.status.reason != "TelemetryUnknown":
        await run.write(
            reason="TelemetryUnknown",
            message=f"Nothing is done without data; waits for it. {run.track.message}"[:1024],
        )
    await run.wait()


async def execute(run: Run) -> None:
    """Executing: have the recorded effects, or find out after a restart which of them happened."""
    if await _is_only_intended(run) and not await _may_go_on(run):
        return
    progress = _known_before_restart(run) or await carry_out(run, OperationKind.APPLY)
    if progress is Progress.UNKNOWN:
        await run.enter(
            Phase.ESCALATED,
            "EffectUnknown",
            "It is not known whether the act happened. It is neither repeated nor undone; a person must look: "
            f"{run.plan.description}.",
        )
    elif progress is Progress.MOVED:
        await _after_conflict(run)
    elif progress is Progress.WAITING:
        run.recorded_here.difference_update(o.id for o in run.operations(OperationKind.APPLY, OperationState.INTENDED))
        await run.wait()
    else:
        await run.enter(
            Phase.VERIFYING, "Verifying", f"Done: {run.plan.description}. Checking that it takes hold and helps."
        )


def _known_before_restart(run: Run) -> Progress | None:
    """What became of the act, where that was written but not yet followed."""
    if run.operations(OperationKind.APPLY, OperationState.UNKNOWN):
        return Progress.UNKNOWN
    return Progress.MOVED if run.operations(OperationKind.APPLY, OperationState.VOID) else None


async def await_approval(run: Run) -> None:
    """AwaitingApproval: until a person answers, the request expires, or the need has passed."""
    plan = run.plan
    if _approved(run):
        await run.enter(
            Phase.PLANNED, "Approved", _answer(run, DecisionType.APPROVE), times=run.with_times(approved=run.now())
        )
    elif any(d.type is DecisionType.REJECT for d in run.spec.decisions):
        await run.enter(Phase.REJECTED, "Rejected", _answer(run, DecisionType.REJECT))
    elif plan.valid_until is not None and run.now() >= plan.valid_until:
        await run.enter(
            Phase.EXPIRED, "NobodyAnswered", f"Nobody answered in time; nothing was done. It was: {plan.description}."
        )
    elif run.is_over():
        await run.enter(Phase.SUPERSEDED, "Recovered", "The promise is kept again; the request is withdrawn.")
    else:
        await run.wait_for_person(run.stages.settings.reread_every)
        await run.reread()


async def wait_blocked(run: Run) -> None:
    """Blocked: decide again from time to time, until a guard lifts or the need has passed."""
    if run.is_over():
        await run.enter(Phase.SUPERSEDED, "Recovered", "The promise is kept again without an act; none was made.")
        return
    rested = run.stages.clock.monotonic() - run.decided_at >= run.stages.settings.redecide_every.total_seconds()
    if run.stages.approvals.unprotected or not run.is_confirmed() or not rested:
        await run.wait()
        return
    refusal = _policy_forbids(run)
    if refusal:
        await _cancel(run, "PolicyChanged", refusal)
        return
    await _decide_again(run, approved=frozenset())


async def _decide_again(run: Run, approved: frozenset[str]) -> None:
    run.decided_at = run.stages.clock.monotonic()
    intent, source = run.intent(), run.source()
    if intent is None or source is None or run.memory.observation is None:
        await run.wait()
        return
    question = Question(
        record=run.stored.name,
        policy=run.spec.policy.name,
        mode=run.spec.mode,
        terms=run.spec.terms,
        trigger=run.spec.trigger.expectation,
        onset=run.spec.episode.since,
        attempts=attempts(run),
        after=last_failed_step(run),
        approved=approved,
    )
    conclusion = await conclude(run.stages, intent, source, run.memory, question)
    run.diagnosis = conclusion.finding.diagnosis
    await _take(run, conclusion.decision)


async def _take(run: Run, decision: Decision) -> None:
    known: dict[str, Any] = {"candidates": list(decision.candidates), "guards": list(decision.guards)}
    plan = decision.plan
    if decision.ruling is Ruling.NOTHING or plan is None:
        blocked = any(c.verdict is CandidateVerdict.BLOCKED for c in decision.candidates)
        if last_failed_step(run) and not blocked:
            await run.enter(
                Phase.ESCALATED, "NothingFurther", f"No further step applies. {decision.message}"[:1024], **known
            )
        elif run.status.phase is not Phase.BLOCKED or run.status.reason != decision.reason:
            await run.enter(Phase.BLOCKED, decision.reason, decision.message, **known)
        else:
            await run.wait()
        return
    plan = plan.model_copy(update={"attempt": _next_attempt(run, plan.step)})
    if decision.ruling is Ruling.RECORD_ONLY:
        await run.enter(Phase.RECORDED, "Shadow", decision.message, plan=plan, **known)
    elif decision.ruling is Ruling.ASK:
        moved = (
            " The target moved since it was first planned: "
            f"{or_absent(run.plan.before)} is now {or_absent(plan.before)}."
            if (run.status.plan and run.status.plan.step == plan.step and run.status.plan.before != plan.before)
            else ""
        )
        message = f"Waits for a person to approve: {plan.description}.{moved}"
        await run.enter(Phase.AWAITING_APPROVAL, "ApprovalNeeded", message, plan=_asked_anew(run, plan), **known)
    else:
        await run.enter(Phase.PLANNED, "Decided", f"About to: {plan.description}.", plan=plan, **known)


def _asked_anew(run: Run, plan: Plan) -> Plan:
    """The plan under a digest that no earlier approval names: an answer is good for one request."""
    answered = [d.plan_digest for d in run.spec.decisions if d.type is DecisionType.APPROVE]
    if plan.digest not in answered:
        return plan
    digest = hashlib.sha256(f"{plan.digest}/{len(answered)}".encode()).hexdigest()[: len(plan.digest)]
    return plan.model_copy(update={"digest": digest})


def _next_attempt(run: Run, step: str) -> int:
    """Attempts that lost to a conflict keep their number, so that no operation id comes twice."""
    return 1 + max((o.attempt for o in run.status.operations if o.step == step), default=0)


async def _guards_permit(run: Run) -> bool:
    records = await run.stages.records.list(run.namespace)
    workload = await run.stages.workloads.look(run.namespace, run.target)
    guards = check_guards(
        record=run.stored.name,
        policy=run.spec.policy.name,
        terms=run.spec.terms,
        plan=run.plan,
        workload=workload,
        ownership=await run.stages.owners.of(
            run.namespace, run.plan.action, run.plan.target, run.plan.field, run.target
        ),
        facts=guard_facts(records),
        now=run.now(),
        cpu_share=await _cpu_share(run, workload),
    )
    denial = next((g for g in guards if g.verdict is not GuardVerdictName.PERMIT), None)
    reason, message = withdrawn(run.step, run.plan, run.spec.terms, run.variables(workload))
    if denial is not None:
        reason, message = denial.reason or denial.name, denial.message
    if reason:
        run.decided_at = run.stages.clock.monotonic()
        await _block(run, reason, message, guards=list(guards))
        return False
    if list(guards) != list(run.status.guards):
        await run.write(guards=list(guards))
    return True


async def _cpu_share(run: Run, workload: Workload) -> Reading | None:
    source = run.source()
    if source is None or run.plan.action is not ActionType.SCALE:
        return None
    return await run.stages.observer.cpu_share(source, run.namespace, workload)


async def _still_as_planned(run: Run) -> bool:
    workload = await run.stages.workloads.look(run.namespace, run.target)
    targets, workloads, plan = {run.target.name: run.target}, {run.target.name: workload}, run.plan
    preview = await preview_step(
        run.stages,
        run.namespace,
        run.step,
        targets,
        workloads,
        run.source(),
        run.variables(workload),
        plan.intended,
    )
    return (
        not preview.refused
        and not preview.already
        and preview.target == plan.target
        and (preview.before, preview.intended) == (plan.before, plan.intended)
    )


async def _is_only_intended(run: Run) -> bool:
    """Whether a restart found an intention of which surely nothing has happened."""
    intended = run.operations(OperationKind.APPLY, OperationState.INTENDED)
    begun = run.operations(OperationKind.APPLY, OperationState.APPLIED, OperationState.UNKNOWN, OperationState.VOID)
    if begun or not intended or all(o.id in run.recorded_here for o in intended):
        return False
    for operation in intended:
        effect = run.stages.effects.effect(operation)
        receipt = await effect.happened(run.namespace, operation, run.target)
        if receipt.state in {OperationState.APPLIED, OperationState.UNKNOWN}:
            return False
    return True


async def _may_go_on(run: Run) -> bool:
    """The operator was away between intention and effect: evidence, policy and guards are asked again first."""
    if run.is_over():
        await void_the_rest(run, OperationKind.APPLY, "the promise is kept again")
        await run.enter(Phase.SUPERSEDED, "Recovered", "The promise was kept again before the act; none was made.")
        return False
    if not run.is_confirmed():
        await run.wait()
        return False
    held_back = await _may_not_act(run) or not await _guards_permit(run)
    return not held_back


async def _plan_again(run: Run, reason: str, message: str) -> None:
    await run.enter(
        Phase.PLANNED,
        reason,
        message,
        plan=run.plan.model_copy(update={"attempt": run.plan.attempt + 1}),
        verifications=[v for v in run.status.verifications if not _is_of(v, run)],
    )


async def _after_conflict(run: Run) -> None:
    void = [o for o in run.status.operations if o.kind is OperationKind.APPLY and o.state is OperationState.VOID]
    if run.operations(OperationKind.APPLY, OperationState.APPLIED):
        await run.enter(
            Phase.ESCALATED,
            "HalfDone",
            f"Part of the act was done, then the target was changed by someone else: {void[-1].message} "
            "A person must look.",
        )
    elif len(void) >= run.stages.settings.largest_conflicts:
        await run.enter(
            Phase.FAILED, "CouldNotAct", f"The act could not be made in {len(void)} attempts: {void[-1].message}"
        )
    else:
        await _plan_again(run, "TargetMoved", f"The target was changed by someone else meanwhile: {void[-1].message}")


def _is_of(result: VerificationResult, run: Run) -> bool:
    return (result.step, result.attempt) == (run.plan.step, run.plan.attempt)


def attempts(run: Run) -> Mapping[str, int]:
    """How often each step was really tried in this episode: attempts that lost to a conflict do not count."""
    tried = {
        (o.step, o.attempt)
        for o in run.status.operations
        if o.kind is OperationKind.APPLY and o.state is not OperationState.VOID
    }
    return Counter(step for step, _ in tried)


def last_failed_step(run: Run) -> str:
    """The step that was tried last and did not help; empty if none was."""
    failed = {OutcomeName.INEFFECTIVE, OutcomeName.WORSE}
    return next((v.step for v in reversed(run.status.verifications) if v.outcome in failed), "")


def _approved(run: Run) -> frozenset[str]:
    if run.plan.authority is not Authority.APPROVAL:
        return frozenset()
    digests = {d.plan_digest for d in run.spec.decisions if d.type is DecisionType.APPROVE and d.plan_digest}
    return frozenset(digests & {run.plan.digest})


def _answer(run: Run, kind: DecisionType) -> str:
    decision = next(d for d in reversed(run.spec.decisions) if d.type is kind)
    verb = "Approved" if kind is DecisionType.APPROVE else "Rejected"
    return f"{verb} by {decision.by}{f': {decision.reason}' if decision.reason else ''}."


def _policy_forbids(run: Run) -> str:
    policy = run.policy()
    if policy is None or policy.stamp.uid != run.spec.policy.uid:
        return "The policy was deleted; nothing further is done."
    if policy.spec.mode is Mode.SHADOW and run.spec.mode is Mode.LIVE:
        return "The policy was set to Shadow; nothing further is done."
    return ""


_PHASES: Mapping[Phase, Callable[[Run], Awaitable[None]]] = {
    Phase.PLANNED: decided,
    Phase.BLOCKED: wait_blocked,
    Phase.AWAITING_APPROVAL: await_approval,
    Phase.EXECUTING: execute,
    Phase.VERIFYING: verify,
    Phase.ROLLING_BACK: roll_back,
    Phase.SUCCEEDED: release,
}
