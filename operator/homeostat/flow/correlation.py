"""The remediation that the present work is for, as the correlation id of every log line."""

import contextlib
import contextvars
from collections.abc import Iterator

_record: contextvars.ContextVar[str] = contextvars.ContextVar("record", default="")


@contextlib.contextmanager
def correlated(record: str) -> Iterator[None]:
    """Have log lines inside carry the record's name."""
    token = _record.set(record)
    try:
        yield
    finally:
        _record.reset(token)


def current_record() -> str:
    """Name of the record that the present work is for; empty if it is for none."""
    return _record.get()
