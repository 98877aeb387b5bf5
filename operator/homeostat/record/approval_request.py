"""What a person needs to answer a request: what is broken, the act, its risk and undo, the command (pure)."""

from collections.abc import Iterator

from homeostat.contracts.actions.kinds import Reversal
from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import Phase, Remediation
from homeostat.contracts.steps import Undo
from homeostat.flow.asking import envelope, still_missing, unanswered_outcome
from homeostat.flow.people import approvals, current_plan
from homeostat.flow.wording import or_absent
from homeostat.record.kubectl import approve_commands


def approval_request(namespace: str, name: str, record: Remediation) -> Iterator[str]:
    """Give the lines of a request for approval; none where nothing waits for one."""
    plan = current_plan(record)
    if record.status.phase is not Phase.AWAITING_APPROVAL or plan is None:
        return
    yield f"Broken: {record.spec.why or record.spec.trigger.expectation}"
    target = f"{plan.target.kind}/{plan.target.name}"
    change = f"{or_absent(plan.before)} -> {or_absent(plan.intended)}"
    yield f"Act:    {plan.description} ({plan.field} of {target}: {change})"
    yield f"Covers: {envelope(plan)}"
    yield f"Risk:   {plan.risk}"
    yield f"Undo:   {_undo_terms(record, plan)}"
    missing = still_missing(record.spec.terms.approval.approvers, [d.by for d in approvals(record)])
    if missing:
        yield f"People: {missing}"
    yield f"{unanswered_outcome(plan)}."
    yield "Approve (needs the verb approve on remediations; homeostat-approver has it):"
    yield from (f"  {command}" for command in approve_commands(namespace, name, plan))
    yield f"Reject:  kubectl homeostat reject {name} -n {namespace} --reason WHY"


def _undo_terms(record: Remediation, plan: Plan) -> str:
    if plan.reversal is Reversal.IMPOSSIBLE:
        return "not possible: once done, it cannot be taken back"
    before = or_absent(plan.before)
    step = next((step for step in record.spec.terms.steps if step.name == plan.step), None)
    words = {
        Undo.ON_WORSE: f"by itself if it makes things worse: back to {before}",
        Undo.ON_INEFFECTIVE: f"by itself if it makes things worse or does not help: back to {before}",
        Undo.NEVER: f"not by itself; back to {before} by hand",
    }
    return words[step.undo] if step else f"back to {before}"
