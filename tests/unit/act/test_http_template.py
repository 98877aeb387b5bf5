"""Templates of calls: every name is known, and no value changes the structure around it."""

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from homeostat.act.http_template import action_digest, filled_body, filled_url, values_of
from homeostat.contracts.actions.http import NAMES, HttpAction
from homeostat.contracts.actions.kinds import Reversal, Risk
from homeostat.contracts.operations import OperationAction, OperationKind
from homeostat.contracts.remediation import Terms
from homeostat.record.kubectl import commands
from tests.unit.record.samples import operation, record, spec, stored

URL = "https://oss.example.com/orders"


def _action(**changes):
    return HttpAction.model_validate({"target": "pcscf", "call": {"url": URL}, **changes})


def test_every_name_has_a_value():
    assert tuple(values_of(stored(record()), operation())) == NAMES


def test_an_undo_names_what_it_takes_back():
    applied, undo = operation(), operation(kind=OperationKind.UNDO, id="add-capacity.1.undo.1")
    values = values_of(stored(record()), undo)
    assert values["takesBack"] == values_of(stored(record()), applied)["key"] == "record-uid.add-capacity.1.apply.1"
    assert values["key"] == "record-uid.add-capacity.1.undo.1"


@given(st.text())
def test_a_value_stays_one_piece_of_an_address(text):
    values = dict.fromkeys(NAMES, text)
    parts = urlsplit(filled_url(f"{URL}/{{{{ why }}}}/end?for={{{{target}}}}", values))
    assert parts.netloc == "oss.example.com"
    before, piece, end = parts.path.rsplit("/", 2)
    assert (before, end, parts.fragment) == ("/orders", "end", "")
    assert unquote(piece) == text
    assert unquote(parts.query) == f"for={text}"


@given(st.text())
def test_a_value_stays_one_string_of_a_body(text):
    template = '{"a": ["{{ why }}", "x {{target}} y", 1, null], "b": {"{": "}"}}'
    filled = json.loads(filled_body(template, dict.fromkeys(NAMES, text)))
    assert filled == {"a": [text, f"x {text} y", 1, None], "b": {"{": "}"}}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ({"url": f"{URL}/{{{{ secret }}}}"}, "takes one of intent"),
        ({"url": f"{URL}/{{{{ key"}, "takes one of intent"),
        ({"url": "https://{{ target }}/"}, "should match pattern"),
        ({"url": "https://user:pass@host/"}, "should match pattern"),
        ({"url": "ftp://host/"}, "should match pattern"),
        ({"url": "https://host"}, "should match pattern"),
        ({"url": URL, "body": "{'a': 1}"}, "the body is not JSON"),
        ({"url": URL, "body": '{"a": "{{ other }}"}'}, "takes one of intent"),
        ({"url": URL, "body": '{"{{ key }}": 1}'}, "not in its names"),
        ({"url": URL, "headers": [{"name": "Authorization", "value": "Bearer x"}]}, "do not belong in a policy"),
        ({"url": URL, "method": "GET"}, "Input should be"),
    ],
)
def test_what_cannot_be_called_is_refused(call, said):
    with pytest.raises(ValidationError, match=said):
        _action(call=call)


@pytest.mark.parametrize("status", [{"state": "/state"}, {"done": ["done"]}])
def test_a_state_and_its_values_go_together(status):
    with pytest.raises(ValidationError, match="give state with at least one of done and failed"):
        _action(status={"url": URL, **status})


def test_a_call_is_of_high_risk_and_taken_back_only_by_a_call():
    assert _action().default_risk is Risk.HIGH
    assert _action().reversal is Reversal.IMPOSSIBLE
    assert _action(undo={"url": URL}).reversal is Reversal.POSSIBLE
    assert action_digest(_action()) != action_digest(_action(undo={"url": URL}))


def test_the_call_as_a_person_would_type_it():
    http = {
        "target": "pcscf",
        "call": {"url": f"{URL}/a b", "body": "{}"},
        "undo": {"method": "DELETE", "url": f"{URL}/{{{{ takesBack }}}}"},
    }
    parts: dict[str, Any] = {"boundaries": {}, "guardrails": {}, "approval": {}, "verification": {}}
    steps = [{"name": "call", "action": {"http": http}}]
    record_spec = spec(terms=Terms.model_validate({"steps": steps, **parts}))
    called = operation(step="call", action=OperationAction.CALL_HTTP, field="http", before="none", intended="POST x")
    key = "-H 'Idempotency-Key: RECORD-UID.OPERATION-ID'"
    told = commands("ims", called, record_spec)
    assert told.do == f"curl -X POST '{URL}/a b' {key}   # with the body of action.http.call of the step"
    assert told.undo == f"curl -X DELETE '{URL}/{{{{ takesBack }}}}' {key}"
    undone = called.model_copy(update={"kind": OperationKind.UNDO})
    assert commands("ims", undone, record_spec).do == told.undo
    assert commands("ims", undone, record_spec).undo == ""
