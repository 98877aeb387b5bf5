"""What cannot be said in an expression, and the sentence that a person gets instead."""

import pytest

from homeostat.decide.expressions.evaluate import Gives, fault

TOO_LONG = 'target.name == "' + "x" * 1024 + '"'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # names and fields
        ("replicas < 6", "replicas is not known; there are cause, intent, observed, trigger, target, time"),
        ("target.replica < 6", "target has no field replica; it has name, kind, replicas, readyReplicas"),
        ("target.replicas.now < 6", "target.replicas is a number and has no field now"),
        ("target < 6", "target is no plain value: write target.name"),
        ("target == target", "no plain value"),
        ("observed.cpu < 1", 'write observed["NAME"].value'),
        ("observed.setup-success.value < 1", 'write observed["NAME"].value'),
        ("observed == observed", 'write observed["NAME"].value'),
        ("(target).replicas < 1", "no plain value"),
        ("target[trigger.name] == 1", "no plain value"),
        ("observed[trigger.name].value < 1", "no plain value"),
        (".target.replicas < 1", "cannot stand here"),
        ("null == null", "null is not known"),
        # functions
        ('target.name.matches("(a+)+$")', "there is no function matches"),
        ("size(intent.labels) > 1", "there is no function size"),
        ("has(observed.cpu)", "there is no function has"),
        ("type(1) == type(2)", "there is no function type"),
        ("dyn(1) == 1", "there is no function dyn"),
        ('string(1) == "1"', "there is no function string"),
        ("time.getFullYear() > 1", "there is no function getFullYear"),
        ('time.getHours("Mars/Base") > 1', '"Mars/Base" is no time zone'),
        ('time.getHours("../../etc/passwd") > 1', "is no time zone"),
        ("time.getHours(target.name) > 1", "takes nothing (UTC), or a time zone"),
        ("time.getHours().getHours() > 1", "only a time has hours"),
        ('time > timestamp("soon")', "timestamp:"),
        # lists, maps, macros
        ("[1, 2].all(x, x > 0)", "runs through observed and nothing else"),
        ("[1, 2].map(x, x * 2) == [2, 4]", "there is no function map"),
        ("observed.map(e, e) == []", "no plain value"),
        ("observed.filter(e, true) == []", "no plain value"),
        ("observed.exists_one(e, true)", "no plain value"),
        ("intent.labels.all(k, true)", 'write intent.labels["NAME"]'),
        ("observed.all(a, observed.all(b, true))", "cannot stand in one another"),
        ("observed.all(a, true) && observed.all(b, true) && observed.all(c, true)", "2 times in it, no more"),
        ("observed.all(target, true)", "target means something else already"),
        ("observed.all(true, true)", "true means something else already"),
        ("observed.all(1, true)", "write observed.all(NAME, ...)"),
        ("observed.all(e, e.value > 1)", "write observed[e].value"),
        ("observed.all(e, true) && e == 'x'", "e is not known"),
        ("observed.all(e, observed.all[e].value)", "has no field"),
        ("[1, 2][0] == 1", "[ ] stands only after observed and intent.labels"),
        ('"abc"[0] == "a"', "[ ] stands only after"),
        ('{"a": 1}.a == 1', "is not understood"),
        ("Pod{a: 1} == 1", "is not understood"),
        # words
        ("", "it is empty"),
        ("   \n", "it is empty"),
        ("6u > 1", "write a number as 6 or 0.75"),
        ("0x10 > 1", "write a number as 6 or 0.75"),
        ("1e999 > 1", "too large a number"),
        ("target.replicas % 2 == 0", "is not understood"),
        ('target.name == "a\\"b"', "without backslashes"),
        ('target.name == "a\nb"', "on one line"),
        ('target.name == r"a"', "r is not known"),
        ('target.name == """a"""', "it is not CEL"),
        ("target.replicas < 6 // few", "few is not known"),
        ("größe < 1", "is not understood"),
        ("target.replicas <", "it is not CEL: unexpected end"),
        ("(target.replicas < 6", "it is not CEL: missing ')' at end"),
        ("target.replicas < 6)", "it is not CEL"),
        ("target.replicas = 6", "is not understood"),
        ("in", "it is not CEL"),
        # kinds of values
        ("target.replicas", "it comes to a number, and true or false is needed"),
        ("target.name", "it comes to a text, and true or false is needed"),
        ("[true]", "it comes to a list"),
        ('target.replicas < "6"', "do not go together"),
        ("target.name + 1 == 'a'", "do not go together"),
        ("target.name && true", "do not go together"),
        # how much
        (TOO_LONG, "it has 1041 characters, and 1024 are allowed"),
        ("&&".join(["true"] * 129), "it has 257 words and signs, and 256 are allowed"),
        ("(" * 17 + "true" + ")" * 17, "more than 16 deep"),
        ("[" * 200 + "]" * 50, "more than 16 deep"),
    ],
)
def test_a_condition_that_is_refused(text, words):
    assert words in fault(text, Gives.CONDITION)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("target.replicas < 6", "it comes to true or false, and a number is needed"),
        ("time", "it comes to a time, and a number is needed"),
        ("1 / 0", "division by 0"),
    ],
)
def test_a_number_that_is_refused(text, words):
    assert words in fault(text, Gives.NUMBER)
