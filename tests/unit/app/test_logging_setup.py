import json
import logging

import pytest

from homeostat.app.logging_setup import set_up_logging, without_secrets
from homeostat.app.settings import LogFormat
from homeostat.flow.correlation import correlated


@pytest.fixture(autouse=True)
def _restored():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_carry_the_record(capsys):
    set_up_logging(LogFormat.JSON, "INFO")
    with correlated("call-setup-9f2c1ab07d"):
        logging.getLogger("homeostat.x").info("scaled %s", "pcscf")
    line = json.loads(capsys.readouterr().err)
    assert (line["record"], line["message"], line["level"]) == ("call-setup-9f2c1ab07d", "scaled pcscf", "INFO")
    assert line["time"]


def test_text_lines_and_levels(capsys):
    set_up_logging(LogFormat.TEXT, "WARNING")
    logging.getLogger("homeostat.x").info("not shown")
    try:
        raise ValueError("http://user:secret@host")
    except ValueError:
        logging.getLogger("homeostat.x").exception("failed")
    shown = capsys.readouterr().err
    assert "not shown" not in shown
    assert "[]" in shown
    assert "secret" not in shown


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("get https://user:pa55@host/x", "get https://host/x"),
        ("Authorization: Bearer abcdef.123456-x", "Authorization: Bearer ***"),
        ("'authorization': 'Basic dXNlcjpwYXNz'", "'authorization': 'Basic ***'"),
        ("mail me@example.org, see http://host/@me", "mail me@example.org, see http://host/@me"),
        ("basic fault", "basic fault"),
    ],
)
def test_without_secrets(line, expected):
    assert without_secrets(line) == expected
