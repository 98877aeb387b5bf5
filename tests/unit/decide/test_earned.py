"""The loop breaker: what a policy loses by how its acts end."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.contracts.remediation_policy import Escalation
from homeostat.contracts.verification import OutcomeName
from homeostat.decide.earned import Judged, demotion
from tests.unit.decide.building import NOW

OUTCOMES = {
    "E": OutcomeName.EFFECTIVE,
    "i": OutcomeName.INEFFECTIVE,
    "W": OutcomeName.WORSE,
    "n": OutcomeName.NO_CAPACITY,
    "?": OutcomeName.INCONCLUSIVE,
    "f": OutcomeName.FAILED,
}
TERMS = Escalation()


def acts(letters: str) -> list[Judged]:
    """One record for each letter, r1 first, a minute apart."""
    return [
        Judged(f"r{number}", OUTCOMES[letter], NOW + timedelta(minutes=number))
        for number, letter in enumerate(letters, start=1)
    ]


@pytest.mark.parametrize(
    ("letters", "reviewed", "record"),
    [
        ("", (), None),
        ("ii", (), None),
        ("iii", (), "r3"),
        ("iiEi", (), None),
        ("in?fini", (), "r7"),
        ("nnnn", (), None),
        ("????ffff", (), None),
        ("W", (), "r1"),
        ("EEWE", (), "r3"),
        ("iiiEEE", (), "r3"),
        ("iii", ("r3",), None),
        ("iii", ("r1", "r2"), "r3"),
        ("iiiii", ("r3",), None),
        ("iiiiii", ("r3",), "r6"),
        ("iiiiii", ("r6",), "r3"),
        ("WiW", ("r3",), "r1"),
        ("WiW", ("r1", "r3"), None),
        ("iWii", ("r2",), "r4"),
    ],
)
def test_what_lowers_the_level_and_what_lifts_it(letters: str, reviewed: Sequence[str], record: str | None):
    found = demotion(acts(letters), frozenset(reviewed), TERMS)
    assert (found.record if found else None) == record
    if found:
        assert found.level == 2
        assert record is not None
        assert f"look at {record}" in found.message


def test_the_order_of_the_records_does_not_matter():
    assert demotion(reversed(acts("Eiii")), frozenset(), TERMS) == demotion(acts("Eiii"), frozenset(), TERMS)
    assert demotion(reversed(acts("iiiE")), frozenset(), TERMS) is not None
    assert demotion(reversed(acts("iEii")), frozenset(), TERMS) is None


def test_the_policy_says_how_many_and_how_low():
    found = demotion(acts("ii"), frozenset(), Escalation(after_ineffective=2, demote_to=0))
    assert found is not None
    assert found.level == 0


@given(before=st.text(alphabet="EiWn?f", max_size=12), after=st.text(alphabet="EiWn?f", max_size=12))
def test_no_outcome_lifts_it(before: str, after: str):
    if demotion(acts(before), frozenset(), TERMS) is not None:
        assert demotion(acts(before + after), frozenset(), TERMS) is not None


@given(letters=st.text(alphabet="EiWn?f", max_size=16))
def test_it_is_lifted_by_reviewing_what_it_names(letters: str):
    reviewed: set[str] = set()
    while (found := demotion(acts(letters), reviewed, TERMS)) is not None:
        assert found.record not in reviewed
        reviewed.add(found.record)
    assert len(reviewed) <= letters.count("W") + letters.count("i") // TERMS.after_ineffective
