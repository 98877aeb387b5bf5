"""When a policy may act: windows of time that recur."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from .common import Duration, Name, Resource, cel, parse_duration

LONGEST_WINDOW = timedelta(days=366)

_ONE = "give exactly one of deny and allow: the begin of each window as cron, such as 0 0 24 12 *"
_DURATION = "a window lasts longer than no time and at most 366d"
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""Whether a cron text can be read does not depend on the day."""


def _readable_cron(text: str) -> str:
    try:
        first = next(CronSim(text, _SOME_DAY), None)
    except CronSimError as error:
        raise ValueError(f"{text!r} is no cron of minute, hour, day, month and day of the week: {error}") from error
    if first is None:
        raise ValueError(f"{text!r} names a moment that never comes")
    return text


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no time zone is called {name!r}: give one such as Europe/Stockholm or UTC") from error
    return name


Cron = Annotated[
    str,
    Field(pattern=r"^[-0-9A-Za-z*/,#]+( [-0-9A-Za-z*/,#]+){4}$", max_length=120, examples=["0 0 24 12 *"]),
    AfterValidator(_readable_cron),
]
"""Minute, hour, day of the month, month, day of the week, as Debian's cron reads them."""

TimeZone = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+){0,2}$", max_length=64),
    AfterValidator(_known_zone),
]
"""A name of the IANA time zone database."""


class ChangeWindow(Resource):
    """A time that comes again and again, in which nothing may be done, or outside of which nothing may be."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.deny) != has(self.allow)", _ONE),
                cel("!self.duration.matches('^(0+(ms|s|m|h|d|w))+$')", _DURATION, fieldPath=".duration"),
            ]
        }
    )

    name: Annotated[Name, Field(description="Name of the window.")]
    deny: Annotated[
        Cron | None,
        Field(default=None, description="Begin of a freeze, as cron: while the window lasts, nothing is done."),
    ]
    allow: Annotated[
        Cron | None,
        Field(
            default=None,
            description="Begin of a window for changes, as cron: outside of all windows of this kind, nothing is done.",
        ),
    ]
    duration: Annotated[
        Duration,
        Field(description="How long it lasts, as time that passes: an hour of daylight saving is no more and no less."),
    ]
    time_zone: Annotated[TimeZone, Field(default="UTC", description="Time zone of the cron, such as Europe/Stockholm.")]

    @property
    def cron(self) -> str:
        """When the window begins, whichever kind it is."""
        return self.deny or self.allow or ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.deny is None) == (self.allow is None):
            raise ValueError(_ONE)
        if not timedelta() < parse_duration(self.duration) <= LONGEST_WINDOW:
            raise ValueError(_DURATION)
        return self
