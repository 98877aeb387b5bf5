"""Whatever is accepted runs fast, and whatever is not is refused fast: the library has no limit of its own."""

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeostat.decide.expressions.evaluate import Evaluation, Gives, evaluate, fault
from homeostat.decide.expressions.reading import ExpressionError, read
from tests.unit.decide.expressions.building import CPU_UNKNOWN, largest, variables

RUN_LIMIT = 0.02
"""Seconds of CPU that an accepted expression may take; the dearest ones measured take a tenth."""

READ_LIMIT = 0.1
"""Seconds of CPU for reading any text, compiling it and trying it out."""

LARGEST = largest()

numbers = st.recursive(
    st.sampled_from(["target.replicas", "trigger.load", "cause.score", "observed.cpu.value", "6", "0.75", "1e3"])
    | st.sampled_from(["time.getHours()", 'time.getHours("Asia/Tokyo")', 'observed["setup-success"].load']),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner) | inner.map("-{}".format),
    max_leaves=12,
)
texts = st.sampled_from(["cause.name", "intent.labels.tier", "target.kind", '"pcscf"', "'x'", "trigger.state"])
simple = (
    st.builds("{} {} {}".format, numbers, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), numbers)
    | st.builds("{} == {}".format, texts, texts)
    | st.builds("{}.contains({} + {})".format, texts, texts, texts)
    | st.builds("{} in [{}, {}]".format, numbers, numbers, numbers)
    | st.sampled_from(['"cpu" in observed', "true"])
    | st.builds("observed.{}(e, observed[e].value < {})".format, st.sampled_from(["all", "exists"]), numbers)
)
conditions = st.recursive(
    simple,
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner)
        | st.builds("({} ? {} : {})".format, inner, inner, inner)
        | inner.map("!({})".format)
    ),
    max_leaves=10,
)
SCRAPS = [*"()[]{}.,?:!-+*/<>=&|\"'` \n\\0x1eu", "observed", ".all(", "e", " in ", "target", "&&", "time.getHours()"]
hostile = st.lists(st.sampled_from(SCRAPS), max_size=300).map("".join) | st.text(max_size=2000)


def took(work: Callable[[], object]) -> float:
    """Seconds of CPU, the least of three: the test's own garbage is not counted."""
    times = []
    for _ in range(3):
        begun = time.thread_time()
        work()
        times.append(time.thread_time() - begun)
    return min(times)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(conditions)
def test_what_is_accepted_runs_fast_and_comes_to_a_truth_or_to_nothing(text):
    if fault(text, Gives.CONDITION):
        return
    found: list[Evaluation] = []

    assert took(lambda: found.append(evaluate(text, Gives.CONDITION, LARGEST))) < RUN_LIMIT
    assert found[0].value in {True, False, None}


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(conditions)
def test_what_is_unknown_is_never_taken_for_true(text):
    if fault(text, Gives.CONDITION):
        return
    reads_cpu = any(path[0] == "observed" and path[1:2] in {("cpu",), ("*",)} for path in read(text).paths)
    known = evaluate(text, Gives.CONDITION, variables())
    in_doubt = evaluate(text, Gives.CONDITION, variables(CPU_UNKNOWN))

    assert in_doubt.value == (None if reads_cpu else known.value)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(hostile)
def test_any_text_is_read_fast_and_never_breaks_the_reader(text):
    faults: list[str] = []

    assert took(lambda: faults.append(fault(text, Gives.CONDITION))) < READ_LIMIT
    assert len(faults[0]) <= 1024


def filled(shape: str, part: str, joint: str) -> str:
    """As much of an expression as is accepted: parts joined until one more would be refused."""
    count, text = 0, ""
    while True:
        longer = shape.format(joint.join([part] * (count + 1)))
        try:
            read(longer)
        except ExpressionError:
            return text
        count, text = count + 1, longer


DEAREST = [
    filled("observed.all(e, {})", 'observed[e].state != ""', "&&"),
    filled("observed.all(e, {})", "e!=''", "&&"),
    filled("observed.all(e, ({}) != '')", "intent.name", "+"),
    filled("observed.all(e, !({}).contains('y'))", "intent.name", "+"),
    filled("observed.all(e, {})", "time.getHours()<24", "&&"),
    filled("observed.all(e, {})", 'time.getHours("Asia/Tokyo")<24', "&&"),
    filled("observed.all(e, {})", 'time>timestamp("2020-01-01T00:00:00Z")', "&&"),
    filled("observed.all(e, 1 in [{}, 1])", "2", ","),
    filled("observed.all(e, {} true)", "false||", ""),
    filled("{} true", "!!", ""),
    filled("{}1 > 0", "--", ""),
    filled("{} true", "false?false:", ""),
    filled("{} > 0", "target.replicas", "+"),
    filled('{} != ""', '"x"', "+"),
]


@pytest.mark.parametrize("text", DEAREST, ids=lambda text: text[:40])
def test_the_dearest_that_is_accepted_runs_fast(text):
    assert fault(text, Gives.CONDITION) == ""
    assert evaluate(text, Gives.CONDITION, LARGEST).value is True

    assert took(lambda: evaluate(text, Gives.CONDITION, LARGEST)) < RUN_LIMIT


HOSTILE = {
    "nested macros": "observed.all(a, observed.all(b, observed.all(c, observed.all(d, true))))",
    "a chain over lists": "[1,2,3].map(a, [1,2,3].map(b, [1,2,3].map(c, a * b * c))) == []",
    "doubling": "[1]" + ".map(x, [x, x])" * 20 + " == []",
    "doubling texts": 'observed.all(x, ["a"].map(y, y + y).map(y, y + y).map(y, y + y) == [])',
    "many macros": " && ".join(["observed.all(e, true)"] * 30),
    "a huge text": 'target.name == "' + "x" * 1_000_000 + '"',
    "a regular expression": 'target.name.matches("((a{1,1000}){1,1000}){1,1000}")',
    "deep parentheses": "(" * 100_000,
    "deep lists": "[" * 500 + "]" * 500,
    "brackets and braces": "[{(" * 300,
    "many signs": "!" * 1000 + "true",
    "long sums": "+".join(["1"] * 500) + " > 0",
    "long alternatives": "true ? " * 140 + "true" + " : true" * 140,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_input_is_refused_before_it_is_compiled(text):
    with pytest.raises(ExpressionError):
        read(text)
    assert took(lambda: fault(text, Gives.CONDITION)) < READ_LIMIT
