"""What people hold back: a stop, a pause, planned work."""

from homeostat.flow.holds import HoldKind

from .question import Finding, Question, deny, permit


def stop(question: Question) -> Finding:
    """Whether nothing at all may be written."""
    return _unless_held(question, HoldKind.STOP, "nothing is stopped")


def pause(question: Question) -> Finding:
    """Whether no new act may be made for a while."""
    return _unless_held(question, HoldKind.PAUSE, "nothing is paused")


def maintenance(question: Question) -> Finding:
    """Whether people work on the service, or have just done so."""
    return _unless_held(question, HoldKind.MAINTENANCE, "no planned work")


def _unless_held(question: Question, kind: HoldKind, otherwise: str) -> Finding:
    hold = question.holds.of(kind, question.plan.action)
    return permit(otherwise) if hold is None else deny(hold.reason, hold.message)
