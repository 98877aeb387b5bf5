"""Log lines with the record that they are about, and without secrets."""

import logging
import re
import sys

from pythonjsonlogger.json import JsonFormatter

from homeostat.app.settings import LogFormat
from homeostat.flow.correlation import current_record

_TEXT = "%(asctime)s %(levelname)-7s %(name)s [%(record)s] %(message)s"
_FIELDS = "%(asctime)s %(levelname)s %(name)s %(record)s %(message)s"
_RENAMED = {"asctime": "time", "levelname": "level", "name": "logger"}
_SECRETS = (
    (re.compile(r"(://)[^/\s@\"']+@"), r"\1"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"), r"\1 ***"),
)
_CHATTY = ("urllib3", "kopf.objects", "aiohttp.access", "asyncio", "kubernetes")


def set_up_logging(form: LogFormat, level: str) -> None:
    """Log to standard error, and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_record)
    handler.setFormatter(_TextLines() if form is LogFormat.TEXT else _JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def without_secrets(line: str) -> str:
    """A line without user information of addresses and without credentials of HTTP headers."""
    for pattern, replacement in _SECRETS:
        line = pattern.sub(replacement, line)
    return line


def _add_record(line: logging.LogRecord) -> bool:
    line.record = current_record()
    return True


class _TextLines(logging.Formatter):
    def __init__(self) -> None:
        super().__init__(_TEXT)

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _JsonLines(JsonFormatter):
    def __init__(self) -> None:
        super().__init__(_FIELDS, rename_fields=_RENAMED)

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))
