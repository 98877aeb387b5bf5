from datetime import UTC, datetime, timedelta

import promql_parser
import pytest

from homeostat.contracts.telemetry_source import TelemetrySourceSpec
from homeostat.flow.facts import Answer, Pod, Reading, Series, Unknown, Workload
from homeostat.flow.promql import check
from homeostat.observe.coverage import Scraped, expected_pods, missing_of, scraped_of
from homeostat.observe.freshness import judge
from homeostat.observe.indicators import freshness_limit
from homeostat.observe.query_plan import (
    PART,
    Ages,
    ages_of,
    ages_query,
    any_series_query,
    coverage_query,
    pod_ages_query,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = TelemetrySourceSpec(url="http://prometheus:9090", scrape_interval="1s", discovery="10s")


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        ({"x": Ages(1, 1)}, 1),
        ({"x": Ages(1, 2), "y": Ages(0, 0)}, 2),
        ({}, 0),
        ({"x": None}, Unknown.NO_DATA),
        ({"x": Ages(1, 1), "y": None}, Unknown.NO_DATA),
        ({"x": Ages(3, 3)}, Unknown.STALE),
        ({"x": Ages(1, 3)}, Unknown.PARTIAL),
    ],
)
def test_judge(ages, expected):
    verdict = judge(ages, 2)
    assert (verdict.unknown if isinstance(verdict, Reading) else verdict) == expected


def test_ages_are_read_back_in_pairs():
    assert ages_of(["x", "y"], {0: 1.0, 1: 2.0, 2: 3.0}) == {"x": Ages(1.0, 2.0), "y": None}


@pytest.mark.parametrize(("period", "expected"), [(0, 2), (1, 2), (30, 30)])
def test_limit_is_two_scrapes_or_the_period(period, expected):
    assert freshness_limit(SOURCE, timedelta(seconds=period)).total_seconds() == expected


Known = dict[str, float]


def scraped(ours_known: Known, ours_fresh: Known, any_known: Known, any_fresh: Known) -> Scraped:
    sides = [ours_known, ours_fresh, any_known, any_fresh]
    series = [
        Series({PART: str(part), "pod": pod}, age, NOW) for part, side in enumerate(sides) for pod, age in side.items()
    ]
    return scraped_of(Answer(tuple(series)), "pod", timedelta(seconds=2))


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (scraped({"a": 1, "b": 1}, {"a": 0, "b": 1}, {"a": 1, "b": 1}, {"a": 0, "b": 1}), []),
        (scraped({"a": 1}, {"a": 0}, {"a": 1, "b": 1}, {"a": 0, "b": 0}), ["b"]),
        (scraped({"a": 1, "b": 1}, {"a": 0, "b": 9}, {"a": 1, "b": 1}, {"a": 0, "b": 9}), ["b"]),
        (scraped({}, {}, {"a": 1, "b": 1}, {"a": 0}), ["b"]),
        (scraped({}, {}, {"a": 1}, {}), ["a", "b"]),
        (scraped({"other": 1}, {"other": 0}, {"other": 1}, {"other": 0}), None),
    ],
)
def test_missing_pods(given, missing):
    assert missing_of(["a", "b"], given) == missing


@pytest.mark.parametrize(
    ("ready", "terminating", "ready_for", "counts"),
    [(True, False, 12, True), (True, False, 11.9, False), (True, True, 60, False), (False, False, 60, False)],
)
def test_young_pods_are_not_missed_yet(ready, terminating, ready_for, counts):
    pod = Pod("a", "u", ready, NOW - timedelta(seconds=ready_for), terminating, None)
    assert bool(expected_pods(SOURCE, Workload("t", exists=True, pods=(pod,)), NOW)) is counts


def test_pod_that_does_not_say_since_when_is_expected():
    pod = Pod("a", "u", ready=True, ready_since=None, terminating=False, cpu_limit=None)
    assert expected_pods(SOURCE, Workload("t", exists=True, pods=(pod,)), NOW) == (pod,)


def test_queries_can_be_read():
    pods = [f"pod-{n}.x" for n in range(500)]
    limit = timedelta(seconds=2)
    promql_parser.parse(coverage_query(SOURCE, "ims", ["a"], ["m"]))
    assert check(ages_query(['x{a="b"}', "y{}"])) == ""
    assert check(pod_ages_query(SOURCE, ['x{a="b"}'])) == ""
    assert "last_over_time" in any_series_query(SOURCE, "ims", pods, limit)
    assert len(coverage_query(SOURCE, "ims", pods, ["m"])) > 4096
