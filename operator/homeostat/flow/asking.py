"""How a person is asked to approve: what, within which bounds, who is missing, until when, and what then (pure)."""

from collections.abc import Sequence

from homeostat.contracts.operations import Plan
from homeostat.flow.people import names
from homeostat.flow.wording import clip, format_time, or_absent


def request(record: str, namespace: str, plan: Plan, approvers: int, approved_by: Sequence[str], because: str) -> str:
    """The request in sentences, for the state of the record and its Event; ``because`` says why it is asked again."""
    sentences = (
        f"Waits for approval: {plan.description}.",
        because,
        still_missing(approvers, approved_by),
        f"{unanswered_outcome(plan)}.",
        f"Answer: kubectl homeostat approve {record} -n {namespace} --plan {plan.digest[:8]}, or reject; "
        "kubectl homeostat explain shows all of it.",
    )
    return clip(" ".join(sentence for sentence in sentences if sentence))


def still_missing(approvers: int, approved_by: Sequence[str]) -> str:
    """Whose approval there is and how many more people it takes; empty where one person is enough."""
    missing = approvers - len(approved_by)
    if approvers == 1 or missing <= 0:
        return ""
    known = f"{names(approved_by)} approved, {missing} more must" if approved_by else "nobody has approved yet"
    return f"It takes {approvers} people: {known}."


def unanswered_outcome(plan: Plan) -> str:
    """What happens if nobody answers, and by when."""
    by = f" by {format_time(plan.valid_until)} UTC" if plan.valid_until else ""
    return f"If nobody answers{by}, nothing is done and the record says so (Expired)"


def envelope(plan: Plan) -> str:
    """What an approval covers: one field of one object, and how far the value may go if the target moves before."""
    place = f"{plan.field} of {plan.target.kind}/{plan.target.name}"
    if plan.largest_step:
        covered = f"{place} by at most {plan.largest_step}, also if it moves before the act"
    else:
        covered = f"{place} to {or_absent(plan.intended)}, and to no other value"
    return f"{covered}{f'; until {format_time(plan.valid_until)} UTC' if plan.valid_until else ''}"


def difference(before: Plan, now: Plan) -> str:
    """What a plan that was computed again does otherwise than the one before; empty where nothing differs."""
    if (before.step, before.target.uid, before.field) != (now.step, now.target.uid, now.field):
        return f"Before, this was asked: {before.description}."
    parts = []
    if before.before != now.before:
        parts.append(f"{or_absent(before.before)} is now {or_absent(now.before)}")
    if before.intended != now.intended:
        parts.append(f"it would be set to {or_absent(now.intended)}, not {or_absent(before.intended)}")
    return f"The target moved since it was first planned: {', and '.join(parts)}." if parts else ""
