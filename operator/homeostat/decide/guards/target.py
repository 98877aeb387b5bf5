"""Whether the target is the one that was planned for, and free."""

from homeostat.contracts.actions.kinds import ActionType

from .question import Finding, Question, deny, permit


def target_exists(question: Question) -> Finding:
    """Whether the object that was planned for is there."""
    workload, plan = question.workload, question.plan
    if workload is None or not workload.exists or workload.identity is None:
        return deny("TargetMissing", f"the workload of step {plan.step} does not exist or could not be read")
    identity = workload.identity
    if plan.action is ActionType.SCALE and plan.target.uid != identity.uid:
        return deny("TargetReplaced", f"{identity.kind}/{identity.name} is not the object that was planned for")
    return permit(f"{identity.kind}/{identity.name} is there")


def concurrency(question: Question) -> Finding:
    """Whether nobody else of us works on it."""
    others = sorted({act.record for act in question.acts() if act.open and act.record != question.record})
    if others:
        return deny("TargetBusy", f"{others[0]} is open and acts on the same workload")
    return permit("no other open remediation acts on it")
