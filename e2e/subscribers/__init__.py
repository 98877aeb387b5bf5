"""The subscribers: SIPp as callers and callee, and their experience second by second."""

from e2e.subscribers.experience import Second, parse
from e2e.subscribers.load import Load, Step

__all__ = ["Load", "Second", "Step", "parse"]
