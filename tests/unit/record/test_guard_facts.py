from dataclasses import replace
from datetime import timedelta

import pytest

from homeostat.contracts.operations import OperationAction, OperationKind, OperationState, TargetIdentity
from homeostat.contracts.remediation import Phase, Times
from homeostat.contracts.verification import OutcomeName
from homeostat.flow.past_acts import PromiseRef
from homeostat.record.guard_facts import Listing, guard_facts
from tests.unit.decide.building import CALM
from tests.unit.record.samples import AT, TUNING, operation, record, stored, verification

LATER = AT + timedelta(minutes=10)


def test_an_act_is_told_with_its_workload_and_outcome():
    facts = guard_facts([stored(record())])
    assert facts.complete
    (act,) = facts.acts
    assert (act.workload_uid, act.policy, act.step, act.outcome) == (
        "pcscf-uid",
        "call-setup",
        "add-capacity",
        OutcomeName.EFFECTIVE,
    )
    assert act.at == AT + timedelta(milliseconds=80)
    assert act.settled_at == AT + timedelta(seconds=187)
    assert not act.open


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (OperationState.APPLIED, True),
        (OperationState.UNKNOWN, True),
        (OperationState.INTENDED, True),
        (OperationState.VOID, False),
    ],
)
def test_what_may_have_happened_counts(state, counts):
    facts = guard_facts([stored(record(operations=[operation(state=state)]))])
    assert bool(facts.acts) is counts


@pytest.mark.parametrize("kind", [OperationKind.UNDO, OperationKind.RELEASE])
def test_taking_back_is_no_act(kind):
    assert not guard_facts([stored(record(operations=[operation(kind=kind)]))]).acts


def test_an_act_is_on_the_workload_it_was_made_for_whatever_object_it_changed():
    edit = operation(action=OperationAction.EDIT_CONFIG, target=TUNING)
    (act,) = guard_facts([stored(record(operations=[edit], verifications=[verification(workload_uid="w")]))]).acts
    assert act.workload_uid == "w"


def test_an_act_that_is_being_verified_is_open_and_not_settled():
    judging = verification(outcome=None, judged_at=None)
    (act,) = guard_facts([stored(record(phase=Phase.VERIFYING, outcome=None, verifications=[judging]))]).acts
    assert act.open
    assert act.settled_at is None
    assert act.outcome is None


def test_an_undo_settles_the_act_when_it_is_done():
    undo = operation(id="u", kind=OperationKind.UNDO, finished_at=LATER)
    worse = verification(outcome=OutcomeName.WORSE)
    (act,) = guard_facts([stored(record(operations=[operation(), undo], verifications=[worse]))]).acts
    assert act.settled_at == LATER


def test_an_act_of_a_closed_record_that_was_never_judged_is_settled_at_its_end():
    closed = record(phase=Phase.ESCALATED, outcome=None, verifications=[], times=Times(detected=AT, closed=LATER))
    (act,) = guard_facts([stored(closed)]).acts
    assert act.settled_at == LATER


def test_two_attempts_are_two_acts():
    operations = [operation(), operation(id="2", attempt=2)]
    assert len(guard_facts([stored(record(operations=operations))]).acts) == 2


def test_with_an_unreadable_record_the_facts_are_not_complete():
    listing = Listing([stored(record())])
    assert guard_facts(listing).complete
    listing.unreadable = ("ims/x",)
    assert not guard_facts(listing).complete


def change_of(*operations):
    (act,) = guard_facts([stored(record(operations=list(operations)))]).acts
    return [(c.object_uid, c.path, c.before, c.before_by, c.after, c.taken_back) for c in act.changes]


def test_what_an_act_changed_is_told_field_by_field():
    patch = operation(
        action=OperationAction.PATCH,
        field="/spec/minReplicas /spec/maxReplicas",
        before='{"/spec/minReplicas":null,"/spec/maxReplicas":4}',
        before_by="helm",
        intended='{"/spec/minReplicas":3,"/spec/maxReplicas":6}',
    )
    assert change_of(operation(before_by="kubectl-scale")) == [
        ("pcscf-uid", "spec.replicas", "2", "kubectl-scale", "3", False)
    ]
    assert change_of(patch) == [
        ("pcscf-uid", "/spec/minReplicas", "absent", "helm", "3", False),
        ("pcscf-uid", "/spec/maxReplicas", "4", "helm", "6", False),
    ]


@pytest.mark.parametrize("kind", [OperationKind.UNDO, OperationKind.RELEASE])
def test_what_the_operator_took_back_itself_is_told(kind):
    back = operation(id="back", kind=kind, before="3", intended="2")
    assert [change[-1] for change in change_of(operation(), back)] == [True]


def test_only_what_surely_happened_and_wrote_a_value_is_told():
    restart = operation(id="2", action=OperationAction.RESTART, field="spec.template", intended="r@1")
    unknown = operation(id="3", state=OperationState.UNKNOWN)
    assert change_of(restart, unknown) == []


def resized(pod, before="limits.cpu=500m,requests.cpu=250m", **more):
    return operation(
        id=f"resize.{pod}",
        action=OperationAction.RESIZE,
        target=TargetIdentity(api_version="v1", kind="Pod", name=pod, uid=f"{pod}-uid"),
        field="spec.containers[main].resources",
        before=before,
        intended="limits.cpu=1,requests.cpu=500m",
        **more,
    )


def test_what_was_written_to_pods_one_by_one_is_the_workloads_and_told_once():
    changed = record(operations=[resized("a"), resized("b")], verifications=[verification(workload_uid="w")])
    (act,) = guard_facts([stored(changed)]).acts
    assert [(c.object_uid, c.path, c.before, c.after) for c in act.changes] == [
        ("w", "spec.containers[main].resources.limits.cpu", "500m", "1"),
        ("w", "spec.containers[main].resources.requests.cpu", "250m", "500m"),
    ]


@pytest.mark.parametrize(
    ("field", "told"),
    [("/spec/rate", [("pcscf-uid", "/spec/rate", "1", "", "2", False)]), ("the rate", [])],
)
def test_an_extension_that_names_a_path_can_be_set_back(field, told):
    done = operation(action=OperationAction.EXTENSION, extension="rate", field=field, before="1", intended="2")
    assert change_of(done) == told


def test_a_size_that_was_lowered_one_by_one_is_one_change_from_the_first_to_the_last():
    steps = [operation(id="1", before="4", intended="3"), operation(id="2", before="3", intended="2")]
    assert change_of(*steps) == [("pcscf-uid", "spec.replicas", "4", "", "2", False)]


def test_the_failure_domains_of_an_act_are_those_recorded_with_it():
    in_zones = verification(failure_domains=["west", "east"])
    (act,) = guard_facts([stored(record(verifications=[in_zones]))]).acts
    assert act.failure_domains == {"west", "east"}
    (before_there_were_any,) = guard_facts([stored(record())]).acts
    assert before_there_were_any.failure_domains == frozenset()


def test_every_record_is_an_episode_whether_anything_was_done_or_not():
    seen = stored(record(operations=[]))
    (episode,) = guard_facts([seen]).episodes
    spec = seen.record.spec
    assert (episode.record, episode.since) == (seen.name, spec.episode.since)
    assert episode.promise == PromiseRef(spec.intent.uid, spec.trigger.expectation)


def test_what_was_counted_is_handed_on():
    assert guard_facts([]).health is None
    assert guard_facts([], CALM).health == CALM


@pytest.mark.parametrize(
    ("is_open", "settled", "under_way"),
    [(True, None, True), (True, AT, False), (False, AT, False), (False, None, False)],
)
def test_an_act_is_under_way_until_it_is_settled(is_open, settled, under_way):
    (act,) = guard_facts([stored(record())]).acts
    assert replace(act, open=is_open, settled_at=settled).is_under_way is under_way
