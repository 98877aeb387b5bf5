"""How soon, how often, and beside how many others the next act may follow."""

from datetime import timedelta

from homeostat.contracts.common import parse_duration
from homeostat.contracts.remediation_policy import Mode
from homeostat.flow.wording import format_span, format_time

from .question import Finding, Question, deny, permit


def cooldown(question: Question) -> Finding:
    """Rest since the end of the last verification on this workload.

    The next attempt or step of the same episode is not held back by its own record's attempts: those were verified
    before it, which is what the rest is for. An act whose verification has not ended holds others back.
    """
    rest = parse_duration(question.terms.guardrails.cooldown)
    acts = [act for act in question.acts() if act.record != question.record]
    running = next((act for act in acts if act.open and act.settled_at is None), None)
    if running is not None:
        return deny("CoolingDown", f"the act of {running.record} is still being verified")
    if not acts:
        return permit("no other episode acted on it")
    ended, last = max(((act.settled_at or act.at), act.record) for act in acts)
    since = question.now - ended
    if since < rest:
        return deny(
            "CoolingDown",
            f"{last} ended at {format_time(ended)}; the rest of {format_span(rest)} lasts until "
            f"{format_time(ended + rest)}",
        )
    return permit(f"last act settled {format_span(since)} ago")


def frequency(question: Question) -> Finding:
    """So many acts on this workload in so long, over all policies."""
    limit = question.terms.guardrails.frequency
    if limit is None:
        if question.mode is Mode.SHADOW:
            return permit("no limit is set; only Shadow may go without")
        return deny("FrequencyUnset", "guardrails.frequency is not set, and Live needs it: such as {limit: 4, per: 1h}")
    per: timedelta = parse_duration(limit.per)
    recent = [act for act in question.acts() if act.at > question.now - per and not question.is_planned(act)]
    count = f"{len(recent)} of {limit.limit} acts in {format_span(per)}"
    if len(recent) < limit.limit:
        return permit(count)
    return deny("TooFrequent", f"{count} were made on it, over all policies")


def flapping(question: Question) -> Finding:
    """So many episodes of the same expectation in so long: what was done for it does not last."""
    budget = question.terms.guardrails.flapping
    per = parse_duration(budget.per)
    others = {
        episode.record
        for episode in question.facts.episodes
        if episode.promise == question.promise and episode.since > question.now - per
    }
    count = len(others - {question.record}) + 1
    told = f"it broke {count} times in {format_span(per)}, at most {budget.limit} are acted on"
    if count <= budget.limit:
        return permit(told)
    return deny("Flapping", f"{told}: what was done for it does not last, and a person must find out why")


def policy_concurrency(question: Question) -> Finding:
    """So many remediations of the policy at the same time."""
    limit = question.terms.guardrails.concurrency
    others = sorted({act.record for act in question.others_under_way() if act.policy == question.policy})
    if len(others) < limit:
        return permit(f"{len(others)} other remediations of the policy act now, of at most {limit} with this one")
    named = ", ".join(others[:3])
    return deny("PolicyBusy", f"{named} of the same policy must end first: at most {limit} act at the same time")
