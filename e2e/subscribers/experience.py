"""What the callers lived through, second by second, from SIPp's own statistics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

_COUNTERS = ("established", "limited", "gave_up", "silent", "refused", "dropped", "completed")
_RESPONSE = "ResponseTimeRepartitionsetup_"


@dataclass(frozen=True)
class Second:
    """About one second of calling; counts are those of this second."""

    at: float  # end of the second, seconds since the epoch
    attempted: int
    established: int
    limited: int  # refused with 503
    gave_up: int  # hung up while waiting for the answer
    silent: int  # hung up, the network had shown no reaction at all
    refused: int  # refused with another code
    dropped: int  # were in progress, but their BYE got no good answer
    completed: int
    broken: int  # given up by SIPp itself: cannot send, no answer to any retransmission
    in_progress: int
    retransmissions: int
    setup: Mapping[float, int]  # calls answered in this second, by upper bound of their set-up time in seconds

    @property
    def failed_at_setup(self) -> int:
        """Calls that came to their end in this second without having been answered in time."""
        return self.limited + self.gave_up + self.silent + self.refused

    @property
    def effectiveness(self) -> float | None:
        """Share of the calls decided in this second that were answered in time; None without calls."""
        decided = self.established + self.failed_at_setup
        return self.established / decided if decided else None

    def setup_quantile(self, quantile: float) -> float | None:
        """Upper bound of the set-up time of this share of the answered calls, in seconds."""
        rank, seen = quantile * sum(self.setup.values()), 0
        for bound, count in sorted(self.setup.items()):
            seen += count
            if seen and seen >= rank:
                return bound
        return None


def parse(csv: Iterable[str]) -> list[Second]:
    """Read SIPp's statistics; lines cut short, as a running SIPp leaves them, are left out."""
    rows: list[dict[str, str]] = []
    header: list[str] = []
    for line in csv:
        fields = line.rstrip("\n").split(";")
        if fields[0] == "StartTime":
            header = fields
        elif header and len(fields) == len(header):
            rows.append(dict(zip(header, fields, strict=True)))
    return [_second(before, now) for before, now in pairwise([{}, *rows])]


def _second(before: Mapping[str, str], now: Mapping[str, str]) -> Second:
    # Differences of the cumulative columns: a line that was cut short then loses nothing.
    def grown(column: str) -> int:
        return int(now[column]) - int(before.get(column, "0"))

    counts = {name: grown(f"{name}(C)") for name in _COUNTERS}
    return Second(
        at=float(now["CurrentTime"].split()[-1]),
        attempted=grown("OutgoingCall(C)"),
        **counts,
        broken=grown("FailedCall(C)"),
        in_progress=int(now["CurrentCall"]),
        retransmissions=grown("Retransmissions(C)"),
        setup={_bound(column): grown(column) for column in now if column.startswith(_RESPONSE)},
    )


def _bound(column: str) -> float:
    mark = column.removeprefix(_RESPONSE)
    return int(mark[1:]) / 1000 if mark.startswith("<") else float("inf")
