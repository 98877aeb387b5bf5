"""A change of any format, told by its place, the value before and the one intended; its opposite restores the text."""

from typing import Any

import pytest

from homeostat.act.config_text import planned, turned
from homeostat.act.edit_error import EditError
from homeostat.contracts.actions.reconfigure import ReconfigureAction
from tests.contract.cases.reconfigure import JSON, LIST, PLAIN, TUNING


def action(**change: Any) -> ReconfigureAction:
    return ReconfigureAction.model_validate({"target": "t", "configMap": "c", "key": "k", **change})


CHANGES = [
    pytest.param(TUNING, {"set": {"path": "/limits/burst", "value": "large"}}, ("'small'", "'large'"), id="yaml"),
    pytest.param(LIST, {"add": {"path": "/peers", "item": "10.0.0.3"}}, ("", "10.0.0.3"), id="add"),
    pytest.param(
        LIST, {"remove": {"path": "/peers", "item": "'10.0.0.1'"}}, ("10.0.0.1   # edge A", ""), id="remove"
    ),
    pytest.param(
        JSON, {"format": "Json", "set": {"path": "/limits/burst", "value": "2"}}, ("1.50", "2"), id="json"
    ),
    pytest.param(
        JSON, {"format": "Json", "add": {"path": "/peers", "item": '"x"'}}, ("", '"x"'), id="add-json"
    ),
    pytest.param(
        JSON, {"format": "Json", "remove": {"path": "/peers", "item": '"10.0.0.1"'}}, ('"10.0.0.1"', ""),
        id="remove-json",
    ),
    pytest.param(
        PLAIN, {"format": "Text", "set": {"path": "tcp_children=<value>", "value": "8"}}, ("4", "8"), id="text"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "change", "values"), CHANGES)
def test_the_opposite_of_a_change_restores_every_byte(
    text: str, change: dict[str, Any], values: tuple[str, str]
) -> None:
    found = planned(text, action(**change))

    assert (found.before, found.intended) == values
    assert found.text != text
    assert turned(text, found.field, found.before, found.intended) == found.text
    assert turned(found.text, found.field, found.intended, found.before, text.__eq__) == text


@pytest.mark.parametrize(("text", "change", "values"), CHANGES)
def test_a_change_that_was_made_is_not_made_again(text: str, change: dict[str, Any], values: tuple[str, str]) -> None:
    found = planned(text, action(**change))

    assert planned(found.text, action(**change)).text == found.text
    with pytest.raises(EditError):
        turned(found.text, found.field, *values)


def test_a_value_that_worked_is_written_as_it_was() -> None:
    assert planned(TUNING, action(restore="/limits/burst"), '"small"').text == TUNING.replace("'small'", '"small"')


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"restore": "/a", "set": {"path": "/a", "value": "1"}},
        {"restore": "a"},
        {"restore": "a=<value>"},
        {"format": "Text", "restore": "/a"},
        {"format": "Text", "restore": "a=<value><value>"},
        {"format": "Text", "restore": " a=<value>"},
        {"format": "Text", "add": {"path": "/a", "item": "1"}},
    ],
)
def test_the_model_refuses_what_the_schema_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"give exactly one|JSON Pointer|no lists"):
        action(**change)
