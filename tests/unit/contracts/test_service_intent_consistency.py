import pytest
from pydantic import ValidationError

from homeostat.contracts.expectation import Expectation


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"condition": "IsEqualToOrGreaterThan", "value": "0.98", "clear": "0.5"}, "stricter"),
        ({"condition": "IsLessThan", "value": "0.85", "clear": "0.9"}, "stricter"),
        ({"condition": "IsEqualTo", "value": "1", "clear": "1"}, "is a bound"),
        ({"condition": "IsWithinRange", "range": {"lower": "2", "upper": "1"}}, "lower cannot be above upper"),
        ({"condition": "IsWithinRange", "value": "1"}, "range conditions take range"),
        ({"condition": "IsLessThan", "range": {"lower": "1", "upper": "2"}}, "range conditions take range"),
        ({"condition": "IsLessThan", "value": "1", "noData": "Fallback"}, "go together"),
        ({"condition": "IsLessThan", "value": "1", "sustain": {"breaches": 6, "of": 5}}, "cannot exceed"),
    ],
)
def test_what_contradicts_itself_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        Expectation.model_validate({"name": "p", "query": "up"} | given)


@pytest.mark.parametrize(
    "given",
    [
        {"condition": "IsEqualToOrGreaterThan", "value": "0.98", "clear": "0.985"},
        {"condition": "IsLessThan", "value": "0.85", "clear": "0.85"},
        {"condition": "IsOutsideRange", "range": {"lower": "1", "upper": "1"}},
    ],
)
def test_a_stricter_clear_value_and_an_ordered_range_are_taken(given):
    assert Expectation.model_validate({"name": "p", "query": "up"} | given).name == "p"
