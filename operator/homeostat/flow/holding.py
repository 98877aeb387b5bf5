"""Whether people hold a remediation back, asked of the API server right before each effect."""

from collections.abc import Sequence
from datetime import datetime

from homeostat.contracts.operations import Operation, OperationKind, OperationState
from homeostat.flow.holds import Hold, HoldKind, Holds
from homeostat.flow.run import Run
from homeostat.flow.wording import clip
from homeostat.record.kubectl import by_hand


class HeldBackError(Exception):
    """People hold back what was about to be written; it stays Intended."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(hold.message)
        self.hold = hold


async def holds_of(run: Run, since: datetime | None = None) -> Holds:
    """What people hold back of a remediation now; with ``since``, windows too that have ended after it."""
    spec = run.spec
    return await run.stages.holds.read(run.namespace, spec.intent.name, spec.policy.name, spec.promise.targets, since)


async def require_not_held(run: Run, operation: Operation) -> None:
    """Make sure that nothing holds an operation back; an undo is held back by a stop alone.

    Raises:
        HeldBackError: something does, or it is not known whether anything does.
    """
    holds = await holds_of(run)
    is_undo = operation.kind is OperationKind.UNDO
    hold = holds.of(HoldKind.STOP) if is_undo else holds.first(run.plan.action)
    if hold is not None:
        raise HeldBackError(hold)


def held_message(run: Run, hold: Hold, operations: Sequence[Operation]) -> str:
    """What holds back, and under a stop what a person would type for what is left to do."""
    left = [o for o in operations if o.state is OperationState.INTENDED]
    told = f" {by_hand(run.namespace, left, run.spec)}" if hold.kind is HoldKind.STOP and left else ""
    return clip(f"Held back: {hold.message}.{told}")


async def wait_held(run: Run, hold: Hold, operations: Sequence[Operation]) -> None:
    """Say once what holds the rest of these operations back, and wait."""
    message = held_message(run, hold, operations)
    if run.status.message != message:
        await run.write(reason=hold.reason, message=message)
    await run.wait()
