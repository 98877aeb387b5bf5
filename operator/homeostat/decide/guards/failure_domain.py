"""Whether what is changed at the same time fails together anyway."""

from homeostat.contracts.guardrails import UnknownDomain
from homeostat.flow.past_acts import PastAct

from .question import Finding, Question, cannot_tell, deny, permit


def failure_domain(question: Question) -> Finding:
    """All acts that are under way at the same time are in the same failure domains."""
    must_know = question.terms.guardrails.failure_domain.when_unknown is UnknownDomain.DENY
    ours = frozenset(question.workload.failure_domains) if question.workload else frozenset[str]()
    if not ours:
        if must_know:
            return cannot_tell("DomainUnknown", "the failure domain of the target is neither stated nor labelled")
        return permit("the failure domain is not known, and the policy does not ask for it")
    others = question.others_under_way()
    elsewhere = next((act for act in others if act.failure_domains and act.failure_domains != ours), None)
    if elsewhere is not None:
        return deny(
            "OtherDomainBusy",
            f"{elsewhere.record} acts in {_told(elsewhere.failure_domains)}: until it has ended nothing is done in "
            f"{_told(ours)}",
        )
    unknown = next((act for act in others if not act.failure_domains), None)
    if unknown is not None and must_know:
        return _unknown_elsewhere(unknown)
    return permit(f"nothing is under way outside of {_told(ours)}")


def _unknown_elsewhere(act: PastAct) -> Finding:
    return cannot_tell("DomainUnknown", f"{act.record} acts in a failure domain that is not known")


def _told(domains: frozenset[str]) -> str:
    return ", ".join(sorted(domains))
