"""The decision: what is done about a broken promise, or why nothing is."""

from collections.abc import Mapping
from datetime import datetime

from homeostat.contracts.operations import Authority, Plan
from homeostat.contracts.remediation import Terms
from homeostat.contracts.remediation_policy import Mode
from homeostat.flow.facts import Decision, Finding, Preview, Reading, Ruling, Variables, Workload
from homeostat.flow.holds import Holds
from homeostat.flow.past_acts import GuardFacts, PromiseRef

from .candidates import Case, consider
from .explain import acts, asks, most_telling, why_nothing, would_have
from .levels import Autonomy
from .plans import covers


def decide(
    *,
    record: str,
    policy: str,
    promise: PromiseRef,
    mode: Mode,
    autonomy: Autonomy,
    terms: Terms,
    finding: Finding,
    workloads: Mapping[str, Workload],
    previews: Mapping[str, Preview],
    variables: Mapping[str, Variables],
    guard_facts: GuardFacts,
    holds: Holds,
    cpu_share: Mapping[str, Reading],
    attempts: Mapping[str, int],
    after: str = "",
    after_again: bool = True,
    approved: Plan | None = None,
    now: datetime,
) -> Decision:
    """Choose the first step that a supported cause calls for and that neither boundary nor guard holds back.

    ``record`` and ``policy`` are names, ``promise`` is what is broken; ``mode`` is that of the record: in Shadow
    nothing is done, and it is decided as in Live; ``attempts`` counts, per step, the attempts made in this episode;
    ``after`` is the step that ran last: those before it are passed over, and itself too unless ``after_again``, with
    which it may run once more within its repeat limit. ``variables`` are what each step's expressions may speak of, by
    step; ``approved`` is the plan that people approved and that was not acted on yet: a plan within it keeps its
    digest; ``holds`` are what people hold back now.
    """
    case = Case(
        record,
        policy,
        promise,
        mode,
        autonomy,
        terms,
        finding,
        workloads,
        previews,
        variables,
        guard_facts,
        holds,
        cpu_share,
        attempts,
        after,
        after_again,
        now,
    )
    considered = consider(case)
    candidates = tuple(c.candidate for c in considered)
    chosen = next((c for c in considered if c.plan is not None), None)
    if chosen is None or chosen.plan is None:
        guards = next((c.guards for c in considered if c.guards), ())
        return Decision(
            Ruling.NOTHING,
            most_telling(candidates).reason,
            why_nothing(candidates),
            candidates,
            guards,
            held=next((c.held for c in considered if c.held), None),
        )
    plan = chosen.plan
    needs_approval = plan.authority is Authority.APPROVAL
    if mode is Mode.SHADOW:
        ruling, reason, message = Ruling.RECORD_ONLY, "Shadow", would_have(plan, asks=needs_approval)
    elif not needs_approval:
        ruling, reason, message = Ruling.ACT, "Decided", acts(plan, approved=False)
    elif approved is not None and covers(approved, plan):
        plan = _within(approved, plan)
        ruling, reason, message = Ruling.ACT, "Decided", acts(plan, approved=True)
    else:
        ruling, reason, message = Ruling.ASK, "ApprovalNeeded", asks(plan, plan.valid_until)
    return Decision(ruling, reason, message, candidates, chosen.guards, plan)


def _within(approved: Plan, plan: Plan) -> Plan:
    """A plan that an approval covers, with what was approved: it may have to be computed again once more."""
    kept = ("digest", "largest_step", "valid_until")
    return plan.model_copy(update={name: getattr(approved, name) for name in kept})
