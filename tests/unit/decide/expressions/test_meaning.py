"""What an expression comes to; what is not known is never true."""

import pytest

from homeostat.decide.expressions.evaluate import Gives, evaluate, expectations_named, fault
from homeostat.flow.facts import NOTHING_KNOWN
from tests.unit.decide.expressions.building import CPU_UNKNOWN, variables


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("true", True),
        ("target.replicas < 6", True),
        ("target.replicas == 2 && target.readyReplicas != 2", True),
        ("target.replicas * 2 + 1 == 5", True),
        ("-target.replicas + 0.5 < -1", True),
        ("1e3 == 1000 && .5 == 0.5", True),
        ("target.replicas in [2, 4] && !(target.kind in ['StatefulSet'])", True),
        ('cause.name == "Saturated" ? cause.score > 0.9 : true', False),
        ('intent.namespace == "ims" && intent.name.startsWith("call")', True),
        ('"tier" in intent.labels && intent.labels["tier"] == "gold"', True),
        ('"zone" in intent.labels && intent.labels["zone"] == "a"', False),
        ("intent.labels.tier.contains('old') || intent.labels.tier.endsWith('x')", True),
        ("double(intent.labels.most) > target.replicas", True),
        ('observed["setup-success"].value < 0.95 && observed.cpu["value"] < 0.8', True),
        ('"cpu" in observed && !("memory" in observed)', True),
        ('observed.exists(e, e != trigger.name && observed[e].state == "Violated")', False),
        ("observed.all(e, observed[e].value < 1) && observed.exists(e, observed[e].load > 1000)", True),
        ("trigger.value < 0.95 && trigger.load > 1000 && trigger.state == 'Violated'", True),
        ("time.getHours() == 16 && time.getMinutes() == 30 && time.getDayOfWeek() == 1", True),
        ("time.getDate() == 1 && time.getMonth() == 5", True),
        ('time.getHours("Europe/Stockholm") >= 18', True),
        ('time.getHours("Europe/Stockholm") - time.getHours() == 2', True),
        ('time > timestamp("2026-12-24T00:00:00Z")', False),
        ('time - timestamp("2026-06-01T00:00:00Z") > duration("16h")', True),
    ],
)
def test_conditions(text, holds):
    assert fault(text, Gives.CONDITION) == ""
    assert evaluate(text, Gives.CONDITION, variables()).value is holds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("target.replicas * 2", 4.0),
        ('observed["setup-success"].load / 500', 2.408),
        ("target.replicas > 1 ? 4 : 2", 4.0),
        ("time.getHours() > 6 ? 4 : 2", 4.0),
    ],
)
def test_numbers(text, value):
    assert evaluate(text, Gives.NUMBER, variables()).value == pytest.approx(value)


def test_the_message_shows_the_expression_and_the_values():
    found = evaluate('target.replicas < 2 || observed["setup-success"].value > 1', Gives.CONDITION, variables())

    assert found.message == (
        'target.replicas < 2 || observed["setup-success"].value > 1 is false '
        '(observed["setup-success"].value is 0.91, target.replicas is 2)'
    )


@pytest.mark.parametrize(
    "text",
    [
        "observed.cpu.value < 0.8",
        'observed.cpu.state != "Violated"',
        '!(observed.cpu.state == "Violated")',
        "true || observed.cpu.value < 0.8",
        "false ? observed.cpu.value < 0.8 : true",
        'observed.exists(e, observed[e].state == "Violated")',
        'observed.all(e, e == "cpu" || observed[e].value < 1)',
    ],
)
def test_what_reads_something_unknown_is_unknown_whatever_else_stands_in_it(text):
    assert evaluate(text, Gives.CONDITION, variables()).value is not None

    found = evaluate(text, Gives.CONDITION, variables(CPU_UNKNOWN))

    assert found.value is None
    assert found.message.endswith("is not known: cpu is Unknown: Stale")


@pytest.mark.parametrize(
    "text",
    ["target.replicas < 6", 'observed["setup-success"].value < 1', '"cpu" in observed', "target.name == 'pcscf'"],
)
def test_what_reads_only_known_things_is_known(text):
    unknown: dict[tuple[str, ...], str] = {("observed", "setup-success", "load"): "no load"}

    assert evaluate(text, Gives.CONDITION, variables(CPU_UNKNOWN | unknown)).value is True


def test_before_the_first_look_nothing_is_known():
    assert evaluate("target.replicas >= 0", Gives.CONDITION, NOTHING_KNOWN).value is None
    assert evaluate('observed.all(e, e != "x")', Gives.CONDITION, NOTHING_KNOWN).value is None


@pytest.mark.parametrize(
    ("text", "gives", "words"),
    [
        ('intent.labels["zone"] == "a"', Gives.CONDITION, 'there is no "zone"'),
        ('observed["memory"].value < 1', Gives.CONDITION, 'there is no "memory"'),
        ("double(intent.labels.tier) > 1", Gives.CONDITION, "double"),
        ("1 / (target.replicas - 2)", Gives.NUMBER, "division by 0"),
        ("(target.replicas - 2) / (target.replicas - 2) < 1", Gives.CONDITION, "do not go together"),
    ],
)
def test_a_fault_at_run_time_makes_it_unknown(text, gives, words):
    assert fault(text, gives) == ""

    found = evaluate(text, gives, variables())

    assert found.value is None
    assert words in found.message


def test_what_cannot_be_read_is_unknown():
    found = evaluate("target.gone < 1", Gives.CONDITION, variables())

    assert found.value is None
    assert "target has no field gone" in found.message


def test_expectations_that_are_read_by_name():
    text = 'observed["a"].value < 1 && observed.b.value < 1 && observed.all(e, observed[e].value < 1)'

    assert expectations_named(text, Gives.CONDITION) == {"a", "b"}
