from decimal import Decimal

import pytest

from homeostat.contracts.quantities import quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", "1"),
        ("100m", "0.1"),
        ("0.5", "0.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1500u", "0.0015"),
        ("250n", "0.00000025"),
        ("2k", "2000"),
        ("1Ki", "1024"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("2E", "2000000000000000000"),
        ("-1", "-1"),
        (1, "1"),
        (0.5, "0.5"),
    ],
)
def test_quantity(text, value):
    assert quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1K", "1mi", "1 ", "0x1", "NaN", "Infinity", "1e", "--1", "1e9999"])
def test_no_quantity(text):
    with pytest.raises(ValueError, match="quantity"):
        quantity(text)
