"""Release: added capacity is taken back when the need has passed, by the same guards and after draining.

It needs the promise kept without a break for ``release.afterMet``, the headroom at the smaller size, no other open
remediation of the intent, and the replicas, or the floor of their autoscaler, still as this remediation left them. A
floor is lowered once the autoscaler needs no more than that by its own measurements. What is awaited stands in
``status.release.message``.
"""

from homeostat.contracts.common import parse_duration
from homeostat.contracts.operations import Authority, Operation, OperationAction, OperationKind, OperationState, Plan
from homeostat.contracts.remediation import GuardVerdictName
from homeostat.contracts.service_intent import ExpectationStateName
from homeostat.contracts.steps import Release
from homeostat.contracts.verification import ReleaseState, ReleaseStatus
from homeostat.decide.guards import check_guards
from homeostat.decide.levels import withheld
from homeostat.flow.attempts import is_given_up, lacks_room_for
from homeostat.flow.autonomy import autonomy_of
from homeostat.flow.capacity import adds_capacity, replicas_moved
from homeostat.flow.execution import Progress, carry_out, void_the_rest
from homeostat.flow.facts import Occasion, Reading, Workload
from homeostat.flow.field_changes import changes_of
from homeostat.flow.guard_reading import read_guard_facts
from homeostat.flow.holding import HeldBackError, holds_of
from homeostat.flow.phases import is_open
from homeostat.flow.ports import PlanStaleError
from homeostat.flow.resources import StoredRecord
from homeostat.flow.run import Run
from homeostat.flow.standing import as_left_by_undo
from homeostat.flow.wording import or_absent
from homeostat.record.kubectl import by_hand


async def release(run: Run) -> None:
    """Take the added capacity back if nothing speaks against it now; otherwise say what is awaited, and wait."""
    terms = run.step.release
    intent = run.intent()
    if terms is None or intent is None:
        await _end(run, ReleaseState.SUPERSEDED, "The intent is gone; what it added is left to its owner.")
        return
    applied = _added(run)
    if await _happened_before_restart(run):
        await _take_away(run, applied)
        return
    workload = await run.stages.workloads.look(run.namespace, run.target)
    standing = _standing(run, applied)
    someone_elses = await _decided_by_others(run, applied, standing, workload)
    if someone_elses:
        await _give_up(run, someone_elses)
        return
    awaiting = await _awaited(run, terms, applied, workload)
    if awaiting:
        await _wait_for(run, awaiting)
        return
    if not run.operations(OperationKind.RELEASE, OperationState.INTENDED):
        await _intend(run, applied, workload)
        return
    await _take_away(run, applied)


async def _happened_before_restart(run: Run) -> bool:
    for operation in run.operations(OperationKind.RELEASE, OperationState.INTENDED):
        if replicas_moved(operation) is not None and operation.id not in run.recorded_here:
            effect = run.stages.effects.effect(operation, run.stored)
            receipt = await effect.happened(run.namespace, operation, run.target)
            return receipt.state is OperationState.APPLIED
    return False


def _standing(run: Run, applied: Operation) -> str:
    """Replicas, or the values of an autoscaler's fields, as this remediation left them."""
    smaller = [o for o in run.operations(OperationKind.RELEASE, OperationState.APPLIED) if o.action is applied.action]
    return smaller[-1].intended if smaller else applied.intended


def _added(run: Run) -> Operation:
    acts = reversed(run.operations(OperationKind.APPLY, OperationState.APPLIED))
    return as_left_by_undo(next(o for o in acts if adds_capacity(o)), run.status.operations)


async def _decided_by_others(run: Run, applied: Operation, standing: str, workload: Workload) -> str:
    """What someone else made of it since, as a sentence; empty where it is as this remediation left it."""
    if applied.action is OperationAction.SCALE:
        as_left = workload.identity == applied.target and str(workload.replicas) == standing
        return "" if as_left else f"the replicas of {applied.target.name} are {workload.replicas} now, not {standing}."
    left = applied.model_copy(update={"intended": standing})
    effect = run.stages.effects.effect(left, run.stored)
    try:
        await effect.reverse(run.namespace, left, run.target, OperationKind.RELEASE, _next_number(run), run.now())
    except PlanStaleError as stale:
        return f"{stale}."
    return ""


async def _awaited(run: Run, terms: Release, applied: Operation, workload: Workload) -> str:
    return (
        _not_met_long_enough(run, terms)
        or await _other_remediation(run)
        or _needed_by_autoscaler(run, applied, workload)
        or await _withheld(run)
        or await _guard_denies(run, applied, workload)
    )


async def _withheld(run: Run) -> str:
    autonomy = autonomy_of(await run.stages.ceilings.read(), run.policy(), run.intent(), run.spec.terms, None)
    why = withheld(autonomy, OperationKind.RELEASE)[1]
    return _permission(why) if why else ""


def _permission(why: str) -> str:
    return f"permission to write: {why.rstrip('.')}"


def _needed_by_autoscaler(run: Run, applied: Operation, workload: Workload) -> str:
    """Whether an autoscaler keeps more than its floor by its own measurements, so that the need has not passed.

    While the floor is lowered one by one, what it keeps longer is waited for as an instance that is to end.
    """
    moved = replicas_moved(applied.model_copy(update={"intended": _standing(run, applied)}))
    present = workload.replicas or 0
    is_under_way = bool(run.operations(OperationKind.RELEASE, OperationState.INTENDED))
    if applied.action is OperationAction.SCALE or is_under_way or moved is None or present <= moved[1]:
        return ""
    name = f"{applied.target.kind}/{applied.target.name}"
    return f"{name} to need no more than its floor ({present} replicas, and the floor is {moved[1]})"


def _not_met_long_enough(run: Run, terms: Release) -> str:
    track = run.track
    if track.state is not ExpectationStateName.MET or not track.looks:
        return f"{run.spec.trigger.expectation} to be Met (it is {track.state})"
    since = track.since or track.looks[0].at
    unbroken = max([since, *(look.at for look in track.looks if look.met is not True)])
    if run.now() - unbroken < parse_duration(terms.after_met):
        return f"{run.spec.trigger.expectation} to be Met for {terms.after_met} without a break"
    return ""


async def _other_remediation(run: Run) -> str:
    stored = await run.stages.records.list(run.namespace)
    other = next((s.name for s in stored if _holds_back(run, s)), "")
    return f"{other} to end" if other else ""


def _holds_back(run: Run, other: StoredRecord) -> bool:
    if other.uid == run.stored.uid or other.record.spec.intent.uid != run.spec.intent.uid:
        return False
    return is_open(other.record) and other.record.status.release is None


async def _guard_denies(run: Run, applied: Operation, workload: Workload) -> str:
    plan = Plan(
        step=applied.step,
        attempt=applied.attempt,
        action=run.plan.action,
        target=applied.target,
        field=applied.field,
        before=applied.intended,
        intended=applied.before,
        risk=run.plan.risk,
        authority=Authority.AUTONOMOUS,
        description=f"release {applied.target.name} {applied.intended} -> {applied.before}",
        digest="",
    )
    guards = check_guards(
        record=run.stored.name,
        policy=run.spec.policy.name,
        promise=run.promise,
        terms=run.terms,
        plan=plan,
        workload=workload,
        ownership=await run.stages.owners.of(run.namespace, plan.action, plan.target, plan.field, run.target),
        facts=await read_guard_facts(run.stages, run.namespace),
        holds=await holds_of(run),
        now=run.now(),
        cpu_share=await _cpu_share(run, workload),
    )
    denial = next((g for g in guards if g.verdict is not GuardVerdictName.PERMIT), None)
    return f"guard {denial.name}: {denial.message}" if denial else ""


async def _cpu_share(run: Run, workload: Workload) -> Reading | None:
    source = run.source()
    return await run.stages.observer.cpu_share(source, run.namespace, workload) if source else None


async def _wait_for(run: Run, awaiting: str) -> None:
    pending = run.operations(OperationKind.RELEASE, OperationState.INTENDED)
    if pending:
        await void_the_rest(run, OperationKind.RELEASE, f"waiting again for {awaiting}")
    kind_of_wait = awaiting.split("(", maxsplit=1)[0].split(":", maxsplit=1)[0]
    known = run.status.release.message if run.status.release else ""
    if not known.startswith(f"Waiting for {kind_of_wait}"):
        await run.write(release=ReleaseStatus(state=ReleaseState.WAITING, message=f"Waiting for {awaiting}."[:1024]))
    await run.wait()


async def _intend(run: Run, applied: Operation, workload: Workload) -> None:
    try:
        operations = await run.stages.effects.shrink_operations(
            OperationKind.RELEASE,
            applied,
            _standing(run, applied),
            applied.before,
            Occasion(run.namespace, run.target, workload),
            _next_number(run),
            run.now(),
        )
    except PlanStaleError as stale:
        await _give_up(run, str(stale))
        return
    full = lacks_room_for(run.status.operations, operations)
    if full:
        await _give_up(run, f"{full}. {by_hand(run.namespace, operations[-1:], run.spec)}")
        return
    run.recorded_here.update(o.id for o in operations)
    await run.write(
        operations=run.replaced(operations),
        release=ReleaseStatus(
            state=ReleaseState.WAITING,
            message=f"The promise has been kept for {run.step.release.after_met if run.step.release else ''} and the "
            f"headroom holds: taking it back until {_as_before(applied)}.",
        ),
    )


def _as_before(applied: Operation) -> str:
    """What is as it was: ``spec.replicas of Deployment/pcscf is 2``."""
    target = f"{applied.target.kind}/{applied.target.name}"
    return ", ".join(f"{change.path} of {target} is {or_absent(change.before)}" for change in changes_of(applied))


def _next_number(run: Run) -> int:
    """That of the next operation; what was given up untried is written over, or waiting would fill the record."""
    return 1 + sum(o.kind is OperationKind.RELEASE and not is_given_up(o) for o in run.status.operations)


async def _take_away(run: Run, applied: Operation) -> None:
    try:
        progress = await carry_out(run, OperationKind.RELEASE)
    except HeldBackError as held:
        await _wait_for(run, f"what holds it back: {held.hold.message}")
        return
    if progress is Progress.WAITING:
        await run.wait()
    elif progress is Progress.WITHHELD:
        await _wait_for(run, _permission(run.withheld[1]))
    elif progress is Progress.DONE and _standing(run, applied) == applied.before:
        await _end(
            run,
            ReleaseState.RELEASED,
            f"The need has passed; {_as_before(applied)} again.",
        )
    elif progress is Progress.UNKNOWN:
        await _end(run, ReleaseState.SUPERSEDED, "It is not known whether the release happened; a person must look.")


async def _give_up(run: Run, why: str) -> None:
    await void_the_rest(run, OperationKind.RELEASE, why)
    await _end(run, ReleaseState.SUPERSEDED, f"Not taken back: {why} What it added is left as it is.")


async def _end(run: Run, state: ReleaseState, message: str) -> None:
    await run.write(release=ReleaseStatus(state=state, message=message[:1024], at=run.now()), message=message[:1024])
    run.announce_release(state, message)
