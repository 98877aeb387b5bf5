"""Every guard in turn; asked at the decision and again right before the act. A guard that cannot tell denies."""

from collections.abc import Callable
from datetime import datetime

from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import GuardVerdict, GuardVerdictName, Terms
from homeostat.contracts.remediation_policy import Mode
from homeostat.flow.facts import Ownership, Reading, Workload
from homeostat.flow.holds import Holds
from homeostat.flow.past_acts import GuardFacts
from homeostat.flow.wording import clip

from .holds import maintenance, pause, stop
from .ownership import managed_by, ping_pong
from .pace import cooldown, frequency
from .question import Finding, Question
from .replicas import bounds, largest_step, second_indicator
from .target import concurrency, target_exists


def check_guards(
    *,
    record: str,
    policy: str,
    terms: Terms,
    plan: Plan,
    workload: Workload | None,
    ownership: Ownership | None,
    facts: GuardFacts,
    holds: Holds,
    now: datetime,
    mode: Mode = Mode.LIVE,
    cpu_share: Reading | None = None,
) -> tuple[GuardVerdict, ...]:
    """Every guard's verdict on a plan, in a fixed order; whatever is not Permit holds it back.

    ``workload`` is the target of the step, also where the plan changes a ConfigMap that it uses; ``ownership`` says who
    else sets what the plan changes, None that nobody looked; ``holds`` are what people hold back now; ``cpu_share`` is
    what its busiest pod uses of its CPU limit, needed only where replicas are taken away. Windows of time are
    half-open: what lies exactly one cooldown, or one frequency period, back no longer counts.
    """
    question = Question(record, terms, plan, workload, ownership, facts, now, mode, cpu_share, holds)
    return tuple(_verdict(name, guard, question, policy) for name, guard in _GUARDS)


def _verdict(name: str, guard: Callable[[Question], Finding], question: Question, policy: str) -> GuardVerdict:
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


_GUARDS: tuple[tuple[str, Callable[[Question], Finding]], ...] = (
    ("Stop", stop),
    ("Pause", pause),
    ("Maintenance", maintenance),
    ("TargetExists", target_exists),
    ("ManagedBy", managed_by),
    ("PingPong", ping_pong),
    ("Bounds", bounds),
    ("LargestStep", largest_step),
    ("SecondIndicator", second_indicator),
    ("Concurrency", concurrency),
    ("Cooldown", cooldown),
    ("Frequency", frequency),
)
_NEED_RECORDS = frozenset({"PingPong", "Cooldown", "Frequency", "Concurrency"})
