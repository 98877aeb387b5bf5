import pytest

from homeostat.flow.resources import CompiledIntent, CompiledPolicy, CompiledSource, Refusal
from homeostat.intake.compile import compile_intent, compile_policy, compile_source
from homeostat.record.size import to_json
from tests.unit.intake.bodies import expectation, intent, policy, source

DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "sip"}


def test_good_ones():
    compiled = compile_intent(intent())
    assert isinstance(compiled, CompiledIntent)
    assert (compiled.stamp.namespace, compiled.stamp.name, compiled.stamp.generation) == ("ims", "calls", 1)
    assert isinstance(compile_source(source()), CompiledSource)
    assert isinstance(compile_policy(policy()), CompiledPolicy)


def test_a_policy_with_expressions_is_good_and_its_if_is_read():
    step = {"name": "add", "if": "target.replicas < 6", "action": SCALE}
    compiled = compile_policy(policy(steps=[step], boundaries={"never": [{"if": "time.getHours() >= 18"}]}))
    assert isinstance(compiled, CompiledPolicy)
    assert compiled.spec.steps[0].if_ == "target.replicas < 6"
    assert compiled.spec.boundaries.never[0].if_ == "time.getHours() >= 18"
    assert to_json(compiled.spec.steps[0])["if"] == "target.replicas < 6"


def test_hash_is_that_of_the_meaning():
    one, same = compile_policy(policy()), compile_policy(policy(mode="Shadow"))
    other = compile_policy(policy(verification={"deadline": "6m"}))
    hashes = [c.hash for c in (one, same, other) if isinstance(c, CompiledPolicy)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert {len(h) for h in hashes} == {64}


ROLE = {"name": "Throttled", "evidence": [{"name": "e", "query": "rate(x)"}]}
SCALE = {"scale": {"target": "sip", "by": "+1"}}
FREEZE = {"name": "christmas", "deny": "0 0 24 12 *", "duration": "48h"}
WORST = {"query": 'rate(x{pod=~"$pods"})', "threshold": "1"}


@pytest.mark.parametrize(
    ("compile_it", "given", "reason", "field", "words"),
    [
        (
            compile_intent,
            intent(expectations=[expectation(value="many")]),
            "InvalidSpec",
            "spec.expectations[load].value",
            "match",
        ),
        (compile_intent, intent(expectations=[]), "InvalidSpec", "spec.expectations", "at least 1"),
        (compile_intent, intent(colour="red"), "InvalidSpec", "spec.colour", "not permitted"),
        (compile_intent, intent(targets="all"), "InvalidSpec", "spec.targets", "list"),
        (
            compile_intent,
            intent(expectations=[expectation(query=None)]),
            "InvalidSpec",
            "spec.expectations[load]",
            "exactly one indicator",
        ),
        (
            compile_intent,
            intent(expectations=[expectation(query="sum(rate(x[")]),
            "InvalidQuery",
            "spec.expectations[load].query",
            "cannot be read",
        ),
        (
            compile_intent,
            intent(expectations=[expectation(query=None, ratio={"good": "sum(a)", "total": "rate(b)"})]),
            "InvalidQuery",
            "spec.expectations[load].ratio.total",
            "expected type matrix",
        ),
        (
            compile_intent,
            intent(expectations=[expectation(noData="Fallback", fallback={"query": "1"})]),
            "InvalidQuery",
            "spec.expectations[load].fallback.query",
            "reads no series",
        ),
        (
            compile_intent,
            intent(expectations=[expectation(clear="1.5")]),
            "InvalidSpec",
            "spec.expectations[load]",
            "clear",
        ),
        (compile_policy, policy(causes=[ROLE]), "InvalidQuery", "spec.causes[Throttled].evidence[e].query", "matrix"),
        (
            compile_policy,
            policy(steps=[{"name": "add", "causes": ["Saturate"], "action": SCALE}]),
            "UnknownCause",
            "spec.steps[add].causes",
            "Saturated",
        ),
        (
            compile_intent,
            intent(targets=[{"name": "sip", "ref": DEPLOYMENT, "sessions": {"query": "calls{pod=~$pods}"}}]),
            "InvalidQuery",
            "spec.targets[sip].sessions.query",
            "cannot be read",
        ),
        (
            compile_policy,
            policy(steps=[{"name": "end", "action": {"evict": {"target": "sip", "worst": WORST}}}]),
            "InvalidQuery",
            "spec.steps[end].action.evict.worst.query",
            "expected type matrix",
        ),
        (compile_policy, policy(mode="Live"), "InvalidSpec", "spec", "frequency"),
        (
            compile_policy,
            policy(guardrails={"windows": [{**FREEZE, "deny": "0 25 24 12 *"}]}),
            "InvalidSpec",
            "spec.guardrails.windows[christmas].deny",
            "'0 25 24 12 *' is no cron of minute, hour, day, month and day of the week: Bad hour",
        ),
        (
            compile_policy,
            policy(guardrails={"windows": [{**FREEZE, "deny": "0 0 31 11 *"}]}),
            "InvalidSpec",
            "spec.guardrails.windows[christmas].deny",
            "Bad day-of-month",
        ),
        (
            compile_policy,
            policy(guardrails={"windows": [{**FREEZE, "timeZone": "Europe/Stokholm"}]}),
            "InvalidSpec",
            "spec.guardrails.windows[christmas].timeZone",
            "no time zone is called 'Europe/Stokholm': give one such as Europe/Stockholm or UTC",
        ),
        (
            compile_policy,
            policy(guardrails={"windows": [{**FREEZE, "duration": "400d"}]}),
            "InvalidSpec",
            "spec.guardrails.windows[christmas]",
            "at most 366d",
        ),
        (
            compile_policy,
            policy(guardrails={"flapping": {"per": "999999999w"}}),
            "InvalidSpec",
            "spec.guardrails.flapping.per",
            "longer than can be reckoned with",
        ),
        (
            compile_policy,
            policy(steps=[{"name": "add", "if": "target.replica < 6", "action": SCALE}]),
            "InvalidExpression",
            "spec.steps[add].if",
            "spec.steps[add].if: target has no field replica; it has name, kind, replicas, readyReplicas",
        ),
        (
            compile_policy,
            policy(steps=[{"name": "add", "action": {"scale": {"target": "sip", "expression": "true", "max": 6}}}]),
            "InvalidExpression",
            "spec.steps[add].action.scale.expression",
            "it comes to true or false, and a number is needed",
        ),
        (
            compile_policy,
            policy(boundaries={"never": [{"action": "Scale"}, {"if": "time.getHours() >= '18'"}]}),
            "InvalidExpression",
            "spec.boundaries.never[1].if",
            "do not go together",
        ),
        (
            compile_policy,
            policy(steps=[{"name": "add", "action": {"scale": {"target": "sip", "expression": "2"}}}]),
            "InvalidSpec",
            "spec.steps[add].action.scale",
            "expression needs max",
        ),
        (
            compile_policy,
            policy(steps=[{"name": "add", "action": {"scale": {"target": "sip", "to": 2, "by": "+1"}}}]),
            "InvalidSpec",
            "spec.steps[add].action.scale",
            "give exactly one of by, to and expression",
        ),
        (compile_source, source(url="prometheus"), "InvalidSpec", "spec.url", "match"),
        (compile_source, source(url="http://user:secret@host"), "InvalidSpec", "spec.url", "match"),
        (compile_source, source(cpuUsage="sum("), "InvalidQuery", "spec.cpuUsage", "cannot be read"),
        (compile_source, {"metadata": {}}, "InvalidSpec", "spec.url", "required"),
    ],
)
def test_refused(compile_it, given, reason, field, words):
    refusal = compile_it(given)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, refusal.field) == (reason, field)
    assert words in refusal.message
    assert "secret" not in refusal.message


def test_many_faults_are_told_briefly():
    refusal = compile_intent(intent(**{f"field{n}": n for n in range(9)}))
    assert isinstance(refusal, Refusal)
    assert "(and 6 more)" in refusal.message


@pytest.mark.parametrize(
    ("condition", "value", "clear", "good"),
    [
        ("IsLessThan", "1", "0.9", True),
        ("IsLessThan", "1", "1", True),
        ("IsEqualToOrLessThan", "1", "1.1", False),
        ("IsGreaterThan", "0.9", "0.95", True),
        ("IsEqualToOrGreaterThan", "0.9", "0.8", False),
    ],
)
def test_clear_is_as_strict_as_the_promise(condition, value, clear, good):
    compiled = compile_intent(intent(expectations=[expectation(condition=condition, value=value, clear=clear)]))
    assert isinstance(compiled, CompiledIntent) is good
