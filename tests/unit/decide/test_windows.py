"""Freezes and windows for changes, against a walk over every minute that knows nothing of the library."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from homeostat.contracts.common import parse_duration
from homeostat.contracts.remediation import GuardVerdict, GuardVerdictName
from homeostat.contracts.windows import ChangeWindow
from homeostat.decide.guards.windows import end_of, next_permitted
from tests.unit.decide.building import terms
from tests.unit.decide.test_guardrails import check

STOCKHOLM = "Europe/Stockholm"
MINUTE = timedelta(minutes=1)
RANGES = (range(60), range(24), range(1, 32), range(1, 13), range(8))


def window(cron: str, duration: str = "1h", zone: str = STOCKHOLM, kind: str = "deny") -> ChangeWindow:
    return ChangeWindow.model_validate({"name": "w", kind: cron, "duration": duration, "timeZone": zone})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def windows_guard(*stated: ChangeWindow, now: datetime) -> GuardVerdict:
    verdict: GuardVerdict = check(under=terms(windows=list(stated)), now=now)["Windows"]
    return verdict


@pytest.mark.parametrize(
    ("cron", "duration", "now", "lasts"),
    [
        # half-open: the first moment belongs to it, the end does not, the last second does
        ("0 22 * * *", "2h", "2026-01-10T20:59:59.999", False),
        ("0 22 * * *", "2h", "2026-01-10T21:00:00", True),
        ("0 22 * * *", "2h", "2026-01-10T22:59:59.999", True),
        ("0 22 * * *", "2h", "2026-01-10T23:00:00", False),
        # 48 hours at Christmas, as in the design
        ("0 0 24 12 *", "48h", "2026-12-23T22:59:59", False),
        ("0 0 24 12 *", "48h", "2026-12-23T23:00:00", True),
        ("0 0 24 12 *", "48h", "2026-12-25T22:59:59", True),
        ("0 0 24 12 *", "48h", "2026-12-25T23:00:00", False),
        # 02:30 does not exist on 29 March 2026: it begins as soon as there is a time again, at 03:00
        ("30 2 * * *", "1h", "2026-03-29T00:59:59", False),
        ("30 2 * * *", "1h", "2026-03-29T01:00:00", True),
        ("30 2 * * *", "1h", "2026-03-29T01:59:59", True),
        ("30 2 * * *", "1h", "2026-03-29T02:00:00", False),
        # 02:30 comes twice on 25 October 2026: it begins at the first, and lasts an hour that passes
        ("30 2 * * *", "1h", "2026-10-25T00:29:59", False),
        ("30 2 * * *", "1h", "2026-10-25T00:30:00", True),
        ("30 2 * * *", "1h", "2026-10-25T01:20:00", True),
        ("30 2 * * *", "1h", "2026-10-25T01:30:00", False),
        ("30 2 * * *", "10m", "2026-10-25T01:35:00", False),
        # with a star, at both
        ("30 * * * *", "10m", "2026-10-25T00:35:00", True),
        ("30 * * * *", "10m", "2026-10-25T01:35:00", True),
        # a day that only leap years have
        ("0 0 29 2 *", "1d", "2028-02-28T23:00:00", True),
        ("0 0 29 2 *", "1d", "2028-02-29T22:59:59", True),
        ("0 0 29 2 *", "1d", "2028-02-29T23:00:00", False),
        ("0 0 29 2 *", "1d", "2027-02-28T23:00:00", False),
        # what began last year lasts on
        ("0 0 31 12 *", "2d", "2027-01-01T22:59:59", True),
        ("0 0 31 12 *", "2d", "2027-01-01T23:00:00", False),
    ],
)
def test_a_window_begins_and_ends(cron, duration, now, lasts):
    assert (end_of(window(cron, duration), at(now)) is not None) is lasts


def test_the_end_is_told():
    assert end_of(window("0 22 * * *", "2h", "UTC"), at("2026-01-10T23:30:00")) == at("2026-01-11T00:00:00")


def test_a_freeze_denies_and_says_until_when():
    verdict = windows_guard(window("0 22 * * *", "2h", "UTC"), now=at("2026-01-10T23:59:59"))
    assert (verdict.verdict, verdict.reason) == (GuardVerdictName.DENY, "Frozen")
    assert verdict.message == "window w lets nothing be done; it goes on by itself at 2026-01-11 00:00:00 UTC"
    assert windows_guard(window("0 22 * * *", "2h", "UTC"), now=at("2026-01-11T00:00:00")).reason == ""


def test_outside_of_all_windows_for_changes_nothing_is_done():
    night = window("0 1 * * *", "2h", "UTC", kind="allow")
    noon = ChangeWindow(name="noon", allow="0 12 * * *", duration="1h")
    verdict = windows_guard(night, noon, now=at("2026-01-10T03:00:00"))
    assert (verdict.verdict, verdict.reason) == (GuardVerdictName.DENY, "OutsideWindow")
    assert verdict.message == "changes are made only in w, noon; it goes on by itself at 2026-01-10 12:00:00 UTC"
    assert windows_guard(night, noon, now=at("2026-01-10T02:59:59")).verdict is GuardVerdictName.PERMIT
    assert windows_guard(night, noon, now=at("2026-01-10T12:00:00")).verdict is GuardVerdictName.PERMIT


def test_a_freeze_holds_within_a_window_for_changes():
    allowed, frozen = window("0 1 * * *", "4h", "UTC", kind="allow"), window("0 2 * * *", "1h", "UTC")
    verdict = windows_guard(allowed, frozen, now=at("2026-01-10T02:30:00"))
    assert verdict.reason == "Frozen"
    assert "at 2026-01-10 03:00:00" in verdict.message
    late = window("0 4 * * *", "2h", "UTC")
    assert "at 2026-01-11 01:00:00" in windows_guard(allowed, late, now=at("2026-01-10T04:30:00")).message


def test_freezes_on_end_are_one():
    first, second = window("0 1 * * *", "1h", "UTC"), window("0 2 * * *", "1h", "UTC")
    assert next_permitted([first, second], at("2026-01-10T01:10:00")) == at("2026-01-10T03:00:00")


def test_a_freeze_without_end_says_so():
    assert (
        "no end of this is in sight" in windows_guard(window("0 0 * * *", "1d"), now=at("2026-01-10T01:10:00")).message
    )


def test_without_windows_every_time_is_good():
    assert windows_guard(now=at("2026-01-10T01:10:00")).verdict is GuardVerdictName.PERMIT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"deny": "61 * * * *"}, "Bad minute"),
        ({"deny": "0 0 30 2 *"}, "Bad day-of-month"),
        ({"deny": "0 0 * * * *"}, "String should match pattern"),
        ({"deny": "@daily"}, "String should match pattern"),
        ({"allow": "0 0 * * *"}, "exactly one of deny and allow"),
        ({"deny": None}, "exactly one of deny and allow"),
        ({"duration": "0s"}, "longer than no time"),
        ({"duration": "367d"}, "at most 366d"),
        ({"duration": "999999999w999999999w"}, "longer than can be reckoned with"),
        ({"timeZone": "Europe/Stokholm"}, "no time zone is called"),
        ({"timeZone": "../../etc/passwd"}, "String should match pattern"),
    ],
)
def test_bad_windows_are_refused(change, said):
    good = {"name": "w", "deny": "0 0 24 12 *", "duration": "48h"}
    with pytest.raises(ValidationError) as refused:
        ChangeWindow.model_validate(good | change)
    assert said in str(refused.value)


def _values(text: str, whole: range) -> set[int]:
    found: set[int] = set()
    for term in text.split(","):
        stated, _, step = term.partition("/")
        first, _, last = stated.partition("-")
        if stated == "*":
            among = list(whole)
        elif last:
            among = list(range(int(first), int(last) + 1))
        else:
            among = list(range(int(first), whole[-1] + 1)) if step else [int(first)]
        found.update(among[:: int(step or 1)])
    return found


class Oracle:
    """Every begin of a window, found by walking the minutes."""

    def __init__(self, stated: ChangeWindow) -> None:
        fields = stated.cron.split(" ")
        sets = [_values(text, whole) for text, whole in zip(fields, RANGES, strict=True)]
        self.minutes, self.hours, self.days, self.months, weekdays = sets
        self.weekdays = {day % 7 for day in weekdays}
        self.both = fields[2].startswith("*") or fields[4].startswith("*")
        self.follows_clock = fields[0].startswith("*") or fields[1].startswith("*")
        self.zone = ZoneInfo(stated.time_zone)
        self.duration = parse_duration(stated.duration)

    def _fits(self, local: datetime) -> bool:
        by_day, by_weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        day = by_day and by_weekday if self.both else by_day or by_weekday
        return day and local.month in self.months and local.hour in self.hours and local.minute in self.minutes

    def begins(self, first: datetime, last: datetime) -> Iterator[datetime]:
        moment = first
        while moment <= last:
            local = moment.astimezone(self.zone).replace(tzinfo=None)
            before = (moment - MINUTE).astimezone(self.zone).replace(tzinfo=None)
            if self.follows_clock:
                fits = self._fits(local)
            elif local > before:  # the minutes that were skipped come all at once; those that come again do not count
                comes_again = moment.astimezone(self.zone).fold == 1
                passed = [before + MINUTE * n for n in range(1, round((local - before) / MINUTE) + 1)]
                fits = not comes_again and any(map(self._fits, passed))
            else:
                fits = False
            if fits:
                yield moment
            moment += MINUTE

    def lasts(self, now: datetime) -> bool:
        begun = (now - self.duration).replace(second=0, microsecond=0)
        return any(b <= now < b + self.duration for b in self.begins(begun, now))


def field_texts(whole: range) -> st.SearchStrategy[str]:
    value = st.integers(whole[0], whole[-1])
    one = value.map(str)
    listed = st.lists(value, min_size=2, max_size=3).map(lambda values: ",".join(map(str, values)))
    spanned = st.tuples(value, value).map(lambda pair: f"{min(pair)}-{max(pair)}")
    stepped = st.integers(1, 20).map(lambda step: f"*/{step}")
    return st.one_of(st.just("*"), one, listed, spanned, stepped)


CRONS = st.tuples(
    field_texts(range(60)),
    st.one_of(field_texts(range(24)), field_texts(range(4))),
    st.one_of(st.just("*"), field_texts(range(1, 29))),
    st.one_of(st.just("*"), field_texts(range(1, 13))),
    st.one_of(st.just("*"), field_texts(range(7))),
).map(" ".join)
ZONES = st.sampled_from(["UTC", STOCKHOLM, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
CHANGES = st.sampled_from(
    [
        at("2026-03-29T01:00:00"),
        at("2026-10-25T01:00:00"),
        at("2026-03-08T07:00:00"),
        at("2026-11-01T06:00:00"),
        at("2026-04-04T15:00:00"),
        at("2026-10-03T15:30:00"),
        at("2028-02-29T00:00:00"),
        at("2026-12-31T23:00:00"),
    ]
)
WITHIN_A_MINUTE = st.sampled_from([timedelta(), timedelta(milliseconds=1), timedelta(seconds=59, milliseconds=999)])
MOMENTS = st.builds(
    lambda change, minutes, within: change + MINUTE * minutes + within,
    CHANGES,
    st.integers(-400, 400),
    WITHIN_A_MINUTE,
)
DURATIONS = st.sampled_from(["1m", "90s", "30m", "1h", "3h", "26h"])


@given(cron=CRONS, zone=ZONES, duration=DURATIONS, now=MOMENTS)
@example(cron="30 2 * * *", zone=STOCKHOLM, duration="1h", now=at("2026-10-25T01:20:00"))
@example(cron="0,30 2 * * *", zone=STOCKHOLM, duration="30m", now=at("2026-03-29T01:20:00"))
@settings(max_examples=300, deadline=None)
def test_the_library_and_a_walk_over_every_minute_agree(cron, zone, duration, now):
    stated = window(cron, duration, zone)
    assert (end_of(stated, now) is not None) is Oracle(stated).lasts(now)


@given(crons=st.lists(CRONS, min_size=1, max_size=3), zone=ZONES, duration=DURATIONS, now=MOMENTS, data=st.data())
@settings(max_examples=100, deadline=None)
def test_the_moment_that_is_told_is_the_first_that_is_permitted(crons, zone, duration, now, data):
    stated = [window(cron, duration, zone, data.draw(st.sampled_from(["deny", "allow"]))) for cron in crons]
    told = next_permitted(stated, now)
    if told is None:
        assert windows_guard(*stated, now=now).verdict is GuardVerdictName.DENY
        return
    assert windows_guard(*stated, now=told).verdict is GuardVerdictName.PERMIT
    assert (told == now) is (windows_guard(*stated, now=now).verdict is GuardVerdictName.PERMIT)
    between = [now + (told - now) * share for share in (0.01, 0.33, 0.5, 0.77, 0.99)] if told > now else []
    for moment in between:
        assert windows_guard(*stated, now=moment).verdict is GuardVerdictName.DENY
