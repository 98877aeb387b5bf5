"""What holds a plan back; a guard that cannot tell denies."""

from .check import check_guards

__all__ = ["check_guards"]
