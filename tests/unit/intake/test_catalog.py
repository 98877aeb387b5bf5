import pytest

from homeostat.intake.catalog import INTENT, POLICY, SOURCE, Catalog
from tests.unit.intake.bodies import changed, expectation, intent, policy, source

KEY = ("ims", "calls")


@pytest.fixture
def catalog():
    return Catalog()


@pytest.fixture
def told(catalog):
    calls = []
    catalog.subscribe(lambda: calls.append(1))
    return calls


def test_puts_and_removes(catalog, told):
    for kind, body in ((INTENT, intent()), (POLICY, policy()), (SOURCE, source())):
        catalog.put(kind, body)
    assert len(told) == 3
    assert set(catalog.intents()) == set(catalog.policies()) == set(catalog.sources()) == {KEY}
    assert catalog.source(*KEY).spec.url == "http://prometheus:9090"
    assert catalog.source("other", "calls") is None
    catalog.remove(INTENT, *KEY, "u1")
    assert not catalog.intents()
    assert catalog.stored(INTENT, *KEY) is None
    assert len(told) == 4


def test_last_good_version_stays_in_force(catalog):
    good = intent()
    catalog.put(INTENT, good)
    bad = changed(good, {**good["spec"], "expectations": [expectation(query="sum(")]})
    catalog.put(INTENT, bad)
    assert catalog.intents()[KEY].stamp.generation == 1
    assert catalog.refusal(INTENT, *KEY).reason == "InvalidQuery"
    assert set(catalog.refused(INTENT)) == {KEY}
    assert catalog.stored(INTENT, *KEY)["metadata"]["generation"] == 2
    catalog.put(INTENT, changed(bad, good["spec"]))
    assert catalog.intents()[KEY].stamp.generation == 3
    assert catalog.refusal(INTENT, *KEY) is None


def test_one_refused_does_not_disturb_another(catalog):
    catalog.put(INTENT, intent())
    catalog.put(INTENT, changed(intent(targets=[]), name="other", uid="u2"))
    assert set(catalog.intents()) == {KEY}
    assert set(catalog.refused(INTENT)) == {("ims", "other")}


def test_status_echo_is_kept_but_told_to_nobody(catalog, told):
    catalog.put(INTENT, intent())
    echo = {**changed(intent()), "status": {"fulfilment": "Fulfilled"}}
    catalog.put(INTENT, echo)
    assert catalog.stored(INTENT, *KEY)["status"] == {"fulfilment": "Fulfilled"}
    assert len(told) == 1


def test_labels_are_part_of_what_is_declared(catalog, told):
    catalog.put(INTENT, intent())
    catalog.put(INTENT, changed(intent(), labels={"domain": "ims"}))
    assert catalog.intents()[KEY].labels == {"domain": "ims"}
    assert len(told) == 2


def test_older_version_changes_nothing(catalog):
    newer = changed(intent(), intent()["spec"])
    catalog.put(INTENT, newer)
    catalog.put(INTENT, intent())
    assert catalog.intents()[KEY].stamp.generation == 2


def test_object_created_anew_inherits_nothing(catalog):
    catalog.put(INTENT, intent())
    bad = changed(intent(targets=[]), uid="u2", resourceVersion="20")
    catalog.put(INTENT, bad)
    assert not catalog.intents()
    catalog.remove(INTENT, *KEY, "u1")
    assert catalog.stored(INTENT, *KEY) is not None
    catalog.remove(INTENT, *KEY, "u2")
    assert catalog.refusal(INTENT, *KEY) is None


def test_what_is_given_cannot_be_written_to(catalog):
    with pytest.raises(TypeError):
        catalog.intents()[KEY] = None


def test_kinds_not_kept_are_unknown(catalog):
    assert catalog.stored("Remediation", *KEY) is None
