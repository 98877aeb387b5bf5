"""Every guard in turn; asked at the decision and again right before the act. A guard that cannot tell denies."""

from collections.abc import Callable
from datetime import datetime

from homeostat.contracts.autonomy_ceiling import GlobalRate
from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import GuardVerdict, GuardVerdictName, Terms
from homeostat.contracts.remediation_policy import Mode
from homeostat.flow.facts import Ownership, Reading, Workload
from homeostat.flow.holds import Holds
from homeostat.flow.past_acts import GuardFacts, PromiseRef
from homeostat.flow.wording import clip

from .ceiling import global_rate
from .disallowed import disallowed
from .failure_domain import failure_domain
from .health import storm
from .holds import maintenance, pause, stop
from .ownership import managed_by, ping_pong
from .pace import cooldown, flapping, frequency, policy_concurrency
from .question import Finding, Question
from .replicas import bounds, largest_step, second_indicator
from .target import concurrency, target_exists
from .windows import windows


def check_guards(
    *,
    record: str,
    policy: str,
    promise: PromiseRef,
    terms: Terms,
    plan: Plan,
    workload: Workload | None,
    ownership: Ownership | None,
    facts: GuardFacts,
    holds: Holds,
    now: datetime,
    mode: Mode = Mode.LIVE,
    cpu_share: Reading | None = None,
    rate: GlobalRate | None = None,
) -> tuple[GuardVerdict, ...]:
    """Every guard's verdict on a plan, in a fixed order; whatever is not Permit holds it back.

    ``promise`` is what the act is to restore; ``workload`` is the target of the step, also where the plan changes a
    ConfigMap that it uses; ``ownership`` says who else sets what the plan changes, None that nobody looked;
    ``holds`` are what people hold back now; ``cpu_share`` is what its busiest pod uses of its CPU limit, needed only
    where replicas are taken away; ``rate`` is that of the AutonomyCeiling. Windows of time are half-open: what lies
    exactly one cooldown, or one frequency period, back no longer counts.
    """
    question = Question(
        record, policy, promise, terms, plan, workload, ownership, facts, now, mode, cpu_share, holds, rate
    )
    return tuple(_verdict(name, guard, question) for name, guard in _GUARDS)


def _verdict(name: str, guard: Callable[[Question], Finding], question: Question) -> GuardVerdict:
    if name in _NEED_RECORDS and not question.facts.complete:
        message = f"the records could not all be read, so what was done under {question.policy} and others is not known"
        return GuardVerdict(
            name=name, verdict=GuardVerdictName.INDETERMINATE, reason="RecordsIncomplete", message=message
        )
    try:
        finding = guard(question)
    except Exception as error:  # whatever goes wrong in a guard, it must deny
        message = clip(f"the guard could not be computed: {error}")
        return GuardVerdict(name=name, verdict=GuardVerdictName.INDETERMINATE, reason="GuardFailed", message=message)
    return GuardVerdict(name=name, verdict=finding.verdict, reason=finding.reason, message=clip(finding.message))


_GUARDS: tuple[tuple[str, Callable[[Question], Finding]], ...] = (
    ("Stop", stop),
    ("Pause", pause),
    ("Maintenance", maintenance),
    ("TargetExists", target_exists),
    ("Disallowed", disallowed),
    ("ManagedBy", managed_by),
    ("PingPong", ping_pong),
    ("Bounds", bounds),
    ("LargestStep", largest_step),
    ("SecondIndicator", second_indicator),
    ("Concurrency", concurrency),
    ("PolicyConcurrency", policy_concurrency),
    ("FailureDomain", failure_domain),
    ("Cooldown", cooldown),
    ("Frequency", frequency),
    ("GlobalRate", global_rate),
    ("Flapping", flapping),
    ("Storm", storm),
    ("Windows", windows),
)
_NEED_RECORDS = frozenset(
    {"PingPong", "Concurrency", "PolicyConcurrency", "FailureDomain", "Cooldown", "Frequency", "Flapping"}
)
