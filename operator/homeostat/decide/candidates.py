"""Every step in order, with what became of it and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from homeostat.contracts.operations import Authority, OperationKind, Plan
from homeostat.contracts.remediation import (
    Candidate,
    CandidateVerdict,
    GuardVerdict,
    GuardVerdictName,
    RankedCause,
    Terms,
)
from homeostat.contracts.remediation_policy import Mode
from homeostat.contracts.steps import Follow, Step
from homeostat.flow.facts import NOTHING_KNOWN, Finding, Preview, Reading, Variables, Workload
from homeostat.flow.holds import HOLD_REASONS, Holds
from homeostat.flow.past_acts import GuardFacts, PromiseRef
from homeostat.flow.wording import clip

from .boundaries import Permission, is_never
from .expressions.evaluate import Gives, evaluate
from .guards import check_guards
from .levels import Autonomy, permission_at, withheld
from .plans import make_plan

TELEMETRY_FAULT = "TelemetryFault"
"""The cause that no step may act on: what is broken is the measurement."""


_NEVER = ("Never", "the policy's boundaries say never")
_NEVER_BY_CEILING = ("NeverByCeiling", "the AutonomyCeiling says never")


@dataclass(frozen=True, slots=True)
class Case:
    """All that a decision rests on."""

    record: str
    policy: str
    promise: PromiseRef
    mode: Mode
    autonomy: Autonomy
    terms: Terms
    finding: Finding
    workloads: Mapping[str, Workload]
    previews: Mapping[str, Preview]
    variables: Mapping[str, Variables]
    guard_facts: GuardFacts
    holds: Holds
    cpu_share: Mapping[str, Reading]
    attempts: Mapping[str, int]
    after: str
    after_again: bool
    now: datetime

    @property
    def supported(self) -> tuple[RankedCause, ...]:
        """Supported causes, most likely first."""
        return tuple(c for c in self.finding.diagnosis.causes if c.supported)

    def variables_of(self, step: Step) -> Variables:
        """What the step's expressions may speak of."""
        return self.variables.get(step.name, NOTHING_KNOWN)


@dataclass(frozen=True, slots=True)
class Considered:
    """A step that was considered; the plan and the guards' verdicts where it came that far.

    ``held`` is what its policy says of a step that is held back, unless that is Next.
    """

    candidate: Candidate
    plan: Plan | None = None
    guards: tuple[GuardVerdict, ...] = ()
    held: Follow | None = None


def consider(case: Case) -> tuple[Considered, ...]:
    """Consider every step in the policy's order. The first that nothing speaks against is chosen.

    A step that is not applicable does not end the search, nor does one that is blocked unless its policy says so: what
    stands after it is another remedy, under the same guards. What people hold back waits until they let it go.
    """
    considered: list[Considered] = []
    tried = _tried(case)
    for step in case.terms.steps:
        holder = next((c.candidate.step for c in considered if c.held is not None), "")
        if any(c.candidate.verdict is CandidateVerdict.CHOSEN for c in considered):
            considered.append(_considered(step, CandidateVerdict.NOT_NEEDED, "", "not needed yet"))
        elif holder:
            message = f"{holder} stands before it, is held back, and the policy does not go past it"
            considered.append(_considered(step, CandidateVerdict.NOT_APPLICABLE, "HeldBehind", message))
        else:
            considered.append(_judge(case, step, tried=step.name in tried))
    return tuple(considered)


def _judge(case: Case, step: Step, *, tried: bool) -> Considered:
    reason, message = _why_not_applicable(case, step, tried=tried)
    hold = case.holds.first(step.action.type)
    if reason and hold is not None:
        message = f"{hold.message}; besides, {message}"
        return replace(_considered(step, CandidateVerdict.BLOCKED, hold.reason, message), held=None)
    if reason:
        return _considered(step, CandidateVerdict.NOT_APPLICABLE, reason, message)
    preview, variables = case.previews.get(step.name), case.variables_of(step)
    permitted = permission_at(case.autonomy, case.mode, case.terms.boundaries, step, variables, preview)
    plan = None
    if preview is not None:
        plan = make_plan(step, preview, case.terms, case.attempts.get(step.name, 0) + 1, case.now, permitted)
    if plan is None:
        message = "what it would change could not be worked out"
        return _considered(step, CandidateVerdict.BLOCKED, "NotPreviewed", message)
    reason, message = _why_forbidden(case, step, permitted, preview)
    if reason:
        return _considered(step, CandidateVerdict.BLOCKED, reason, message)
    guards = check_guards(
        record=case.record,
        policy=case.policy,
        promise=case.promise,
        terms=case.terms,
        plan=plan,
        workload=case.workloads.get(step.action.target),
        ownership=preview.ownership if preview is not None else None,
        facts=case.guard_facts,
        holds=case.holds,
        now=case.now,
        mode=case.mode,
        rate=case.autonomy.rate,
        cpu_share=case.cpu_share.get(step.action.target),
    )
    denial = next((g for g in guards if g.verdict is not GuardVerdictName.PERMIT), None)
    if denial is not None:
        message = f"{denial.message}; otherwise: {plan.description}" if hold is not None else denial.message
        return _considered(step, CandidateVerdict.BLOCKED, denial.reason, message, guards=guards)
    level = case.autonomy.applied(case.mode)
    message = f"{plan.description}; risk {plan.risk}, {plan.authority.lower()} at level {level}"
    return _considered(step, CandidateVerdict.CHOSEN, "", message, plan=plan, guards=guards)


def _why_forbidden(case: Case, step: Step, permitted: Permission, preview: Preview | None) -> tuple[str, str]:
    """Reason and message where boundaries, ceiling or level forbid a step; in Shadow the level is told, not kept."""
    if permitted is Permission.NEVER:
        return _NEVER_BY_CEILING if is_never(case.autonomy.never, step, case.variables_of(step), preview) else _NEVER
    return withheld(case.autonomy, OperationKind.APPLY) if case.mode is Mode.LIVE else ("", "")


def _why_not_applicable(case: Case, step: Step, *, tried: bool) -> tuple[str, str]:
    """Reason and message, or two empty texts where the step applies."""
    attempts, preview = case.attempts.get(step.name, 0), case.previews.get(step.name)
    if tried:
        which = "it" if step.name == case.after else f"it stands before {case.after}, which"
        return "AlreadyTried", f"{which} was tried already"
    excluded = _why_unsupported(case, step)
    if not excluded[0]:
        excluded = _why_excluded(step, case.variables_of(step))
    if excluded[0]:
        return excluded
    if attempts >= step.repeat.limit:
        return "RepeatLimit", f"it ran {attempts} of {step.repeat.limit} times in this episode"
    if preview is not None and preview.refused:
        return preview.refused, preview.message or "it cannot be done now"
    if preview is not None and preview.already:
        return "AlreadyThere", preview.message or "the target has the intended value already"
    return "", ""


def withdrawn(step: Step, plan: Plan, terms: Terms, variables: Variables, autonomy: Autonomy) -> tuple[str, str]:
    """Why a plan may not be carried out any more by its step's ``if``, the boundaries and the level.

    Two empty texts where it may.
    """
    excluded = _why_excluded(step, variables)
    if not excluded[0]:
        excluded = withheld(autonomy, OperationKind.APPLY)
    if excluded[0]:
        return excluded
    permitted = permission_at(autonomy, Mode.LIVE, terms.boundaries, step, variables, plan)
    if permitted is Permission.NEVER:
        return _NEVER_BY_CEILING if is_never(autonomy.never, step, variables, plan) else _NEVER
    if permitted is Permission.APPROVAL and plan.authority is Authority.AUTONOMOUS:
        why = f"approval is asked for now, and was not when it was decided: {autonomy.message}"
        return "ApprovalNeeded", why
    return "", ""


def _why_excluded(step: Step, variables: Variables) -> tuple[str, str]:
    """Reason and message where the step's ``if`` does not hold, or is not known to."""
    if step.if_ is None:
        return "", ""
    found = evaluate(step.if_, Gives.CONDITION, variables)
    if found.value is None:
        return "IfUnknown", found.message
    return ("", "") if found.value else ("IfFalse", found.message)


def _why_unsupported(case: Case, step: Step) -> tuple[str, str]:
    if any(c.name == TELEMETRY_FAULT for c in case.supported):
        return TELEMETRY_FAULT, "the promise cannot be measured now, and nothing is done blindly"
    wanted = [c for c in case.supported if not step.causes or c.name in step.causes]
    if not wanted:
        names = " or ".join(step.causes) or "any cause"
        return "CauseNotSupported", f"the evidence does not support {names}"
    if not any(not c.targets or step.action.target in c.targets for c in wanted):
        where = ", ".join(sorted({target for c in wanted for target in c.targets}))
        return "OtherTarget", f"{wanted[0].name} was found at {where}, not at {step.action.target}"
    return "", ""


def _tried(case: Case) -> frozenset[str]:
    """Names of the steps that stand before the one that ran last, and its own unless it may run again."""
    names = [step.name for step in case.terms.steps]
    if not case.after:
        return frozenset()
    passed = names.index(case.after) + (not case.after_again) if case.after in names else len(names)
    return frozenset(names[:passed])


def _considered(
    step: Step,
    verdict: CandidateVerdict,
    reason: str,
    message: str,
    *,
    plan: Plan | None = None,
    guards: tuple[GuardVerdict, ...] = (),
) -> Considered:
    candidate = Candidate(
        step=step.name, action=step.action.type, verdict=verdict, reason=clip(reason, 64), message=clip(message)
    )
    ends_search = verdict is CandidateVerdict.BLOCKED and step.then.blocked is not Follow.NEXT
    held = Follow.WAIT if reason in HOLD_REASONS else step.then.blocked
    return Considered(candidate, plan, guards, held if ends_search else None)
