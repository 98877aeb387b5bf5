"""What every guard is asked, and what it answers."""

from dataclasses import dataclass
from datetime import datetime

from homeostat.contracts.autonomy_ceiling import GlobalRate
from homeostat.contracts.operations import Plan
from homeostat.contracts.remediation import GuardVerdictName, Terms
from homeostat.contracts.remediation_policy import Mode
from homeostat.flow.facts import Ownership, Reading, Workload
from homeostat.flow.holds import Holds
from homeostat.flow.past_acts import GuardFacts, PastAct, PromiseRef


@dataclass(frozen=True, slots=True)
class Question:
    """One plan, and everything that a guard may look at."""

    record: str
    policy: str
    promise: PromiseRef
    terms: Terms
    plan: Plan
    workload: Workload | None
    ownership: Ownership | None
    facts: GuardFacts
    now: datetime
    mode: Mode
    cpu_share: Reading | None
    holds: Holds
    rate: GlobalRate | None = None

    @property
    def uid(self) -> str:
        """Uid of the workload; ValueError where there is none to ask about."""
        if self.workload is None or self.workload.identity is None:
            raise ValueError("the workload's identity is not known")
        return self.workload.identity.uid

    def acts(self) -> tuple[PastAct, ...]:
        """Acts on this workload by any record and policy."""
        return tuple(act for act in self.facts.acts if act.workload_uid == self.uid)

    def others_under_way(self) -> tuple[PastAct, ...]:
        """Acts of other records that are not done, verified and undone yet, on any workload."""
        return tuple(act for act in self.facts.acts if act.is_under_way and act.record != self.record)

    def is_planned(self, act: PastAct) -> bool:
        """Whether it is the very attempt that is asked about: recorded already, and asked about again."""
        return (act.record, act.step, act.attempt) == (self.record, self.plan.step, self.plan.attempt)

    @property
    def headroom(self) -> str:
        """Largest share of the CPU limit that may be used once replicas are gone: the step's, else the guardrails'."""
        step = next((step for step in self.terms.steps if step.name == self.plan.step), None)
        return step.release.headroom if step and step.release else self.terms.guardrails.headroom

    def present(self) -> int:
        """Replicas now; ValueError where they are not known."""
        if self.workload is None or self.workload.replicas is None:
            raise ValueError("the present number of replicas is not known")
        return self.workload.replicas

    def replicas(self) -> tuple[int, int]:
        """Replicas now and as planned."""
        return self.present(), int(self.plan.intended)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a guard found; ``reason`` is why it does not permit, in a word."""

    verdict: GuardVerdictName
    reason: str
    message: str


def permit(message: str) -> Finding:
    """Nothing speaks against it."""
    return Finding(GuardVerdictName.PERMIT, "", message)


def deny(reason: str, message: str) -> Finding:
    """The plan is held back."""
    return Finding(GuardVerdictName.DENY, reason, message)


def cannot_tell(reason: str, message: str) -> Finding:
    """What the guard needs is not known; the plan is held back."""
    return Finding(GuardVerdictName.INDETERMINATE, reason, message)
