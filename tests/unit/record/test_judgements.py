"""What the records tell of how the acts under a policy ended."""

from datetime import timedelta

import pytest

from homeostat.contracts.decisions import DecisionType, PersonDecision, ReviewVerdict
from homeostat.contracts.remediation import Phase
from homeostat.contracts.verification import OutcomeName
from homeostat.decide.earned import Judged
from homeostat.record.judgements import judged_under, reviewed_under
from tests.unit.record.samples import AT, record, spec, stored, verification

WORSE = verification(step="shed-load", outcome=OutcomeName.WORSE, judged_at=AT)
RUNNING = verification(attempt=2, outcome=None, judged_at=None)


def test_every_judged_act_of_the_policy_counts_and_none_of_another():
    mine, other = stored(record(verifications=[WORSE, verification(), RUNNING])), stored(record(number=2))
    elsewhere = stored(record(number=3), namespace="elsewhere")
    renamed = other.record.spec.model_copy(
        update={"policy": other.record.spec.policy.model_copy(update={"name": "another"})}
    )
    others = [stored(record(record_spec=renamed)), elsewhere]
    assert judged_under([mine, *others], "ims", "call-setup") == (
        Judged(mine.name, OutcomeName.WORSE, AT),
        Judged(mine.name, OutcomeName.EFFECTIVE, AT + timedelta(seconds=187)),
    )


def test_a_policy_made_anew_under_its_name_inherits_what_was_done_under_it():
    old = spec().policy.model_copy(update={"uid": "the-one-before"})
    found = judged_under([stored(record(record_spec=spec(policy=old)))], "ims", "call-setup")
    assert len(found) == 1


REVIEW = PersonDecision(id="r", type=DecisionType.REVIEW, by="alice", verdict=ReviewVerdict.WRONG)
SEEN = PersonDecision(id="a", type=DecisionType.ACKNOWLEDGE, by="alice")


@pytest.mark.parametrize(
    ("decisions", "phase", "reviewed"),
    [
        ([REVIEW], Phase.ESCALATED, True),
        ([SEEN, REVIEW], Phase.SUCCEEDED, True),
        ([SEEN], Phase.ESCALATED, False),
        ([], Phase.ESCALATED, False),
        ([REVIEW], Phase.BLOCKED, False),
    ],
)
def test_a_review_counts_once_the_record_is_closed(decisions, phase, reviewed):
    known = stored(record(record_spec=spec(decisions=decisions), phase=phase))
    assert reviewed_under([known], "ims", "call-setup") == ({known.name} if reviewed else frozenset())
    assert reviewed_under([known], "other", "call-setup") == frozenset()
