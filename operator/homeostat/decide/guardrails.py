"""What holds a plan back; asked at the decision and again right before the act. A guard that cannot tell denies."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from homeostat.contracts.actions.kinds import ActionType
from homeostat.contracts.common import parse_duration
from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import GuardVerdict, GuardVerdictName, Terms
from homeostat.contracts.remediation_policy import Mode
from homeostat.flow.facts import GuardFacts, PastAct, Reading, Workload
from homeostat.flow.wording import clip, format_span, format_time


@dataclass(frozen=True, slots=True)
class _Question:
    record: str
    terms: Terms
    plan: Plan
    workload: Workload | None
    facts: GuardFacts
    now: datetime
    mode: Mode
    cpu_share: Reading | None

    @property
    def uid(self) -> str:
        """Uid of the workload; ValueError where there is none to ask about."""
        if self.workload is None or self.workload.identity is None:
            raise ValueError("the workload's identity is not known")
        return self.workload.identity.uid

    def acts(self) -> tuple[PastAct, ...]:
        """Acts on this workload by any record and policy."""
        return tuple(act for act in self.facts.acts if act.workload_uid == self.uid)

    def is_planned(self, act: PastAct) -> bool:
        """Whether it is the very attempt that is asked about: recorded already, and asked about again."""
        return (act.record, act.step, act.attempt) == (self.record, self.plan.step, self.plan.attempt)

    @property
    def headroom(self) -> str:
        """Largest share of the CPU limit that may be used once replicas are gone: the step's, else the guardrails'."""
        step = next((step for step in self.terms.steps if step.name == self.plan.step), None)
        return step.release.headroom if step and step.release else self.terms.guardrails.headroom

    def replicas(self) -> tuple[int, int]:
        """Replicas now and as planned."""
        if self.workload is None or self.workload.replicas is None:
            raise ValueError("the present number of replicas is not known")
        return self.workload.replicas, int(self.plan.intended)


@dataclass(frozen=True, slots=True)
class _Finding:
    denied: str
    message: str


def check_guards(
    *,
    record: str,
    policy: str,
    terms: Terms,
    plan: Plan,
    workload: Workload | None,
    facts: GuardFacts,
    now: datetime,
    mode: Mode = Mode.LIVE,
    cpu_share: Reading | None = None,
) -> tuple[GuardVerdict, ...]:
    """Every guard's verdict on a plan, in a fixed order; whatever is not Permit holds it back.

    ``workload`` is the target of the step, also where the plan changes a ConfigMap that it uses; ``cpu_share`` is what
    its busiest pod uses of its CPU limit, needed only where replicas are taken away. Windows of time are
    half-open: what lies exactly one cooldown, or one frequency period, back no longer counts.
    """
    question = _Question(record, terms, plan, workload, facts, now, mode, cpu_share)
    return tuple(_verdict(name, guard, question, policy) for name, guard in _GUARDS)


def _verdict(name: str, guard: Callable[[_Question], _Finding], question: _Question, policy: str) -> GuardVerdict:
    if name in _NEED_RECORDS and not question.facts.complete:
        message = f"the records could not all be read, so what was done under {policy} and others is not known"
        return GuardVerdict(
            name=name, verdict=GuardVerdictName.INDETERMINATE, reason="RecordsIncomplete", message=message
        )
    try:
        finding = guard(question)
    except Exception as error:  # whatever goes wrong in a guard, it must deny
        message = clip(f"the guard could not be computed: {error}")
        return GuardVerdict(name=name, verdict=GuardVerdictName.INDETERMINATE, reason="GuardFailed", message=message)
    verdict = GuardVerdictName.DENY if finding.denied else GuardVerdictName.PERMIT
    return GuardVerdict(name=name, verdict=verdict, reason=finding.denied, message=clip(finding.message))


def _permit(message: str) -> _Finding:
    return _Finding("", message)


def _deny(reason: str, message: str) -> _Finding:
    return _Finding(reason, message)


def _target_exists(question: _Question) -> _Finding:
    workload, plan = question.workload, question.plan
    if workload is None or not workload.exists or workload.identity is None:
        return _deny("TargetMissing", f"the workload of step {plan.step} does not exist or could not be read")
    identity = workload.identity
    if plan.action is ActionType.SCALE and plan.target.uid != identity.uid:
        return _deny("TargetReplaced", f"{identity.kind}/{identity.name} is not the object that was planned for")
    return _permit(f"{identity.kind}/{identity.name} is there")


def _managed_by(question: _Question) -> _Finding:
    workload = question.workload
    if question.plan.action is not ActionType.SCALE or workload is None or not workload.scaled_by:
        return _permit("nobody else sets what would be changed")
    return _deny(
        "TargetManagedBy",
        f"{workload.scaled_by} sets the replicas of {workload.target} and would undo this: change its bounds instead, "
        "or remove it",
    )


def _bounds(question: _Question) -> _Finding:
    if question.plan.action is not ActionType.SCALE:
        return _permit("no replicas are changed")
    intended, bounds = int(question.plan.intended), question.terms.guardrails.replicas
    if bounds.min <= intended <= bounds.max:
        return _permit(f"{intended} replicas are within {bounds.min} to {bounds.max}")
    return _deny("OutOfBounds", f"{intended} replicas are outside {bounds.min} to {bounds.max}")


def _largest_step(question: _Question) -> _Finding:
    if question.plan.action is not ActionType.SCALE:
        return _permit("no replicas are changed")
    present, intended = question.replicas()
    change, percent = abs(intended - present), question.terms.guardrails.largest_step
    if change <= 1 or change * 100 <= present * percent:
        return _permit(f"a change by {change} is at most {percent} % of {present}")
    return _deny("StepTooLarge", f"a change by {change} is more than {percent} % of {present} replicas")


def _second_indicator(question: _Question) -> _Finding:
    """Capacity is taken away only where, beside the promise, CPU use shows that what stays is enough."""
    if question.plan.action is not ActionType.SCALE:
        return _permit("no replicas are changed")
    present, intended = question.replicas()
    if intended >= present:
        return _permit("no replicas are taken away")
    share, limit = question.cpu_share, float(question.headroom)
    if share is None or share.value is None:
        why = share.message if share else "it was not asked for"
        return _deny("SecondIndicatorMissing", f"replicas go only where CPU use is known to allow it ({why})")
    after = share.value * present / max(1, intended)
    told = f"with {intended} replicas {after:.2f} of the CPU limit would be used, at most {question.headroom} may"
    return _permit(told) if after <= limit else _deny("NoHeadroom", told)


def _cooldown(question: _Question) -> _Finding:
    """Rest since the end of the last verification on this workload.

    The next attempt or step of the same episode is not held back by its own record's attempts: those were verified
    before it, which is what the rest is for. An act whose verification has not ended holds others back.
    """
    rest = parse_duration(question.terms.guardrails.cooldown)
    acts = [act for act in question.acts() if act.record != question.record]
    running = next((act for act in acts if act.open and act.settled_at is None), None)
    if running is not None:
        return _deny("CoolingDown", f"the act of {running.record} is still being verified")
    if not acts:
        return _permit("no other episode acted on it")
    ended, last = max(((act.settled_at or act.at), act.record) for act in acts)
    since = question.now - ended
    if since < rest:
        return _deny(
            "CoolingDown",
            f"{last} ended at {format_time(ended)}; the rest of {format_span(rest)} lasts until "
            f"{format_time(ended + rest)}",
        )
    return _permit(f"last act settled {format_span(since)} ago")


def _frequency(question: _Question) -> _Finding:
    frequency = question.terms.guardrails.frequency
    if frequency is None:
        if question.mode is Mode.SHADOW:
            return _permit("no limit is set; only Shadow may go without")
        return _deny(
            "FrequencyUnset", "guardrails.frequency is not set, and Live needs it: such as {limit: 4, per: 1h}"
        )
    per: timedelta = parse_duration(frequency.per)
    recent = [act for act in question.acts() if act.at > question.now - per and not question.is_planned(act)]
    count = f"{len(recent)} of {frequency.limit} acts in {format_span(per)}"
    if len(recent) < frequency.limit:
        return _permit(count)
    return _deny("TooFrequent", f"{count} were made on it, over all policies")


def _concurrency(question: _Question) -> _Finding:
    others = sorted({act.record for act in question.acts() if act.open and act.record != question.record})
    if others:
        return _deny("TargetBusy", f"{others[0]} is open and acts on the same workload")
    return _permit("no other open remediation acts on it")


_GUARDS: tuple[tuple[str, Callable[[_Question], _Finding]], ...] = (
    ("TargetExists", _target_exists),
    ("ManagedBy", _managed_by),
    ("Bounds", _bounds),
    ("LargestStep", _largest_step),
    ("SecondIndicator", _second_indicator),
    ("Concurrency", _concurrency),
    ("Cooldown", _cooldown),
    ("Frequency", _frequency),
)
_NEED_RECORDS = frozenset({"Cooldown", "Frequency", "Concurrency"})
