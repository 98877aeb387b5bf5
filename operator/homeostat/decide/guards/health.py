"""Whether so much is unhealthy at once that the cause must be elsewhere."""

from homeostat.contracts.guardrails import StormIn
from homeostat.flow.past_acts import Population

from .question import Finding, Question, cannot_tell, deny, permit


def storm(question: Question) -> Finding:
    """Less than the limit is known to be unhealthy, and less than the limit could be."""
    guard = question.terms.guardrails.storm_guard
    if question.facts.health is None:
        raise ValueError("nobody counted what is healthy")
    counted = question.facts.health[guard.of, guard.in_]
    where = "of the namespace" if guard.in_ is StormIn.NAMESPACE else "of all namespaces"
    told = f"{counted.unhealthy} of {counted.total} {guard.of.lower()} {where} are unhealthy"
    if counted.total < guard.min_population:
        return permit(f"{told}: fewer than {guard.min_population} are too few to tell a storm")
    if _reaches(counted.unhealthy, counted, guard.percent):
        return deny("Storm", f"{told}, which is {guard.max} or more: look for what they have in common")
    if _reaches(counted.unhealthy + counted.unknown, counted, guard.percent):
        return cannot_tell(
            "HealthUnknown", f"{told} and of {counted.unknown} it is not known; together they are {guard.max} or more"
        )
    return permit(f"{told}, less than {guard.max}")


def _reaches(count: int, counted: Population, percent: int) -> bool:
    return count * 100 >= counted.total * percent
