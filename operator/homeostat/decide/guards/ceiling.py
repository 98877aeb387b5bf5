"""What the AutonomyCeiling allows the whole cluster."""

from homeostat.contracts.common import parse_duration
from homeostat.flow.wording import format_span

from .question import Finding, Question, deny, permit


def global_rate(question: Question) -> Finding:
    """So many acts in so long over all policies and namespaces; an undo or a release is none."""
    if question.rate is None:
        return permit("no AutonomyCeiling sets a rate, and without one nothing is done")
    everywhere = question.facts.everywhere
    if everywhere is None:
        raise ValueError("the records of all namespaces could not all be read")
    per = parse_duration(question.rate.per)
    recent = [act for act in everywhere if act.at > question.now - per and not question.is_planned(act)]
    count = f"{len(recent)} of {question.rate.limit} acts in {format_span(per)}"
    if len(recent) < question.rate.limit:
        return permit(count)
    return deny("RateExceeded", f"{count} were made in the whole cluster, as many as the AutonomyCeiling allows")
