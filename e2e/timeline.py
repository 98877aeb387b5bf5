"""The readable timeline: what happens, when, and who did it; coloured on a terminal, plain everywhere else."""

import os
import sys
import threading
import time
from enum import Enum
from pathlib import Path
from typing import TextIO


class Who(Enum):
    """Whose line it is, and its ANSI colour."""

    STAGE = ("stage", "90")
    FAULT = ("fault", "31")
    OPERATOR = ("operator", "36")
    CALLERS = ("callers", "33")
    PERSON = ("person", "35")
    CHECK = ("check", "32")
    FAILED = ("FAILED", "1;31")
    ACT = ("", "1")


class Timeline:
    """Writes lines to the screen as they come, and the same without colours to a file."""

    def __init__(self, file: Path, screen: TextIO | None = None) -> None:
        self._screen = screen or sys.stdout
        self._coloured = self._screen.isatty() and "NO_COLOR" not in os.environ
        self._file = file.open("w", encoding="utf-8")
        self._began = time.monotonic()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def act(self, title: str) -> None:
        """Begin a chapter."""
        self._write("", Who.ACT)
        self._write(f"{self._clock()}  {title}", Who.ACT)

    def say(self, who: Who, text: str) -> None:
        """Write one line, or several that belong together."""
        first, *others = text.splitlines() or [""]
        head = f"{self._clock()}  {who.value[0]:<9} "
        self._write("\n".join([head + first, *(" " * len(head) + line for line in others)]), who)

    def quote(self, text: str) -> None:
        """Write what a command printed, as it is."""
        self._write("\n".join("    " + line for line in text.rstrip().splitlines()), Who.STAGE, coloured=False)

    def _clock(self) -> str:
        minutes, seconds = divmod(self.elapsed, 60)
        return f"{int(minutes):2d}:{seconds:04.1f}"

    def _write(self, text: str, who: Who, *, coloured: bool = True) -> None:
        with self._lock:
            shown = f"\x1b[{who.value[1]}m{text}\x1b[0m" if self._coloured and coloured and text else text
            print(shown, file=self._screen, flush=True)
            print(text, file=self._file, flush=True)
