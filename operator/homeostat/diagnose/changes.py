"""Which changes of configuration could have begun a breach."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from homeostat.contracts.common import FIELD_MANAGER
from homeostat.flow.facts import ConfigChange
from homeostat.flow.wording import clip, format_span, format_time

NOTICED_LATE = timedelta(seconds=10)
"""How late a change may be noticed: configuration is looked at every few seconds, and its time is that of the look."""

_VALUE_LIMIT = 120


def net_changes(changes: Iterable[ConfigChange], onset: datetime, within: timedelta) -> tuple[ConfigChange, ...]:
    """What is different at the onset from what it was ``within`` before, path by path, latest first.

    A value that was changed and changed back is no suspect. Neither is a value last written by the operator: what it
    does is judged by verification, and must never become the reason for its next act.
    """
    by_path: dict[tuple[str, str, str], list[ConfigChange]] = {}
    for change in sorted(changes, key=lambda c: (c.at, c.config_map, c.key, c.path)):
        if onset - within <= change.at <= onset + NOTICED_LATE:
            by_path.setdefault((change.config_map, change.key, change.path), []).append(change)
    net = [replace(path[-1], before=path[0].before) for path in by_path.values()]
    suspects = [c for c in net if c.before != c.after and c.by != FIELD_MANAGER]
    return tuple(sorted(suspects, key=lambda c: c.at, reverse=True))


def describe_change(change: ConfigChange, onset: datetime) -> str:
    """What was changed, by whom and when, in a sentence."""
    who = f" by {change.by}" if change.by else ""
    return (
        f"{change.path or 'the text'} in {change.config_map} ({change.key}) changed "
        f"{clip(change.before or 'absent', _VALUE_LIMIT)} -> {clip(change.after or 'absent', _VALUE_LIMIT)}{who} "
        f"at {format_time(change.at)}, {format_span(onset - change.at)} before the breach"
    )


def why_no_change(changes: Iterable[ConfigChange], onset: datetime, within: timedelta, config_map: str = "") -> str:
    """Why no change is a suspect, in a sentence that claims no more than is known."""
    of_what = config_map or "the configuration"
    known = sorted(changes, key=lambda c: c.at)
    none = f"no lasting change of {of_what} is known in the {format_span(within)} before the breach"
    earlier = [c for c in known if c.at < onset - within]
    later = [c for c in known if c.at > onset + NOTICED_LATE]
    if later:
        return f"{none}; {later[0].path} was changed after it began, at {format_time(later[0].at)}"
    if earlier:
        return f"{none}; {earlier[-1].path} was changed {format_span(onset - earlier[-1].at)} before it"
    return none
