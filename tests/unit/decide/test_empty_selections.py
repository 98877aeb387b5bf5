"""An empty selection acts on nothing: whatever is left out or emptied, fewer acts are permitted, never more."""

from hypothesis import given
from hypothesis import strategies as st

from homeostat.contracts.guardrails import Frequency, Guardrails
from homeostat.contracts.remediation_policy import IntentSelector
from homeostat.flow.episode import selects
from homeostat.flow.facts import Owner, Ownership, Ruling
from homeostat.flow.past_acts import GuardFacts
from tests.unit.decide.building import ANYTHING_GOES, CALM, ask, finding, scale, scaling, terms, workload

NAMES = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3, unique=True)
LABELS = st.dictionaries(st.sampled_from(["domain", "site", ""]), st.sampled_from(["ims", "west", ""]), max_size=3)
MANAGERS = st.lists(st.sampled_from(["helm", "flux", ""]), max_size=3, unique=True)


@given(NAMES, LABELS, st.sampled_from(["a", "b", ""]), LABELS)
def test_a_selector_selects_only_what_it_states(names, wanted, name, labels):
    selector = IntentSelector.model_construct(match_names=names, match_labels=wanted)
    stated = bool(names or wanted)
    fits = (not names or name in names) and wanted.items() <= labels.items()
    assert selects(selector, name, labels) is (stated and fits)


@given(NAMES, LABELS, LABELS)
def test_emptied_labels_are_selected_by_names_alone(names, wanted, labels):
    selector = IntentSelector.model_construct(match_names=names, match_labels=wanted)
    if wanted:
        assert not selects(selector, "a", {})
    assert selects(selector, "a", labels) <= (not names or "a" in names)


UNDER = terms(scale(), autonomous=ANYTHING_GOES)


def ruling(**given) -> Ruling:
    return ask(UNDER, finding("Saturated"), **given).ruling


def test_the_case_of_these_tests_is_acted_on():
    assert ruling() is Ruling.ACT


@given(MANAGERS, MANAGERS)
def test_only_managers_that_are_named_are_overruled(stated, owning):
    guardrails = Guardrails.model_construct(
        **{**dict(Guardrails(frequency=Frequency(limit=4, per="1h"))), "take_from": stated}
    )
    under = UNDER.model_copy(update={"guardrails": guardrails})
    owned = Ownership((Owner("release", "ask them", tuple(owning)),))
    decided = ask(under, finding("Saturated"), previews={"add-capacity": scaling(ownership=owned)})
    overruled = bool(owning) and set(owning) <= set(stated)
    assert decided.ruling is (Ruling.ACT if overruled else Ruling.NOTHING)


def test_without_targets_nothing_is_done():
    assert ruling(workloads={}) is Ruling.NOTHING
    assert ruling(workloads={"pcscf": workload(exists=False)}) is Ruling.NOTHING
    assert ruling(workloads={"pcscf": workload(identity=None)}) is Ruling.NOTHING
    assert ruling(previews={}) is Ruling.NOTHING


def test_without_what_is_permitted_a_person_is_asked():
    assert ask(terms(scale()), finding("Saturated")).ruling is Ruling.ASK


def test_without_a_cause_nothing_is_done():
    assert ask(UNDER, finding()).ruling is Ruling.NOTHING


def test_without_facts_nothing_is_done():
    assert ruling(facts=GuardFacts(complete=True)) is Ruling.NOTHING
    assert ruling(facts=GuardFacts(complete=False, health=CALM)) is Ruling.NOTHING
    assert ruling(facts=GuardFacts(complete=True, health={})) is Ruling.NOTHING
