"""Which revision is the previous one, and how a rollback is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from homeostat.act.refusals import RefusedError
from homeostat.act.revisions import Revision, present_and_previous, revisions_of, template_digest, with_digest

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def template(image: str, restarted: str = "") -> dict[str, Any]:
    annotations = {"kubectl.kubernetes.io/restartedAt": restarted} if restarted else {}
    return {"metadata": {"labels": {"app": "a"}, "annotations": annotations}, "spec": {"image": image}}


def revision(number: int, image: str, age: int, *former: int, restarted: str = "") -> Revision:
    """A revision made ``age`` minutes after the first."""
    return Revision((number, *former), template(image, restarted), NOW + timedelta(minutes=age))


def chosen(*revisions: Revision) -> tuple[int, int]:
    newest_first = sorted(revisions, key=lambda r: r.number, reverse=True)
    present, previous = present_and_previous("Deployment/a", newest_first[0].template, newest_first)
    return present.number, previous.number


@pytest.mark.parametrize(
    ("revisions", "numbers"),
    [
        ([revision(1, "a", 0), revision(2, "b", 1)], (2, 1)),
        ([revision(7, "a", 0), revision(9, "b", 1), revision(8, "c", 0)], (9, 8)),
        ([revision(1, "a", 0), revision(2, "b", 1), revision(3, "b", 2, restarted="x")], (3, 1)),
        ([revision(1, "a", 0), revision(2, "a", 1, restarted="x"), revision(3, "b", 2)], (3, 2)),
        # gone back once before, and released anew since
        ([revision(3, "a", 0, 1), revision(2, "b", 1), revision(4, "c", 2)], (4, 3)),
    ],
)
def test_the_previous_revision_is_more_than_a_restart_away(revisions: list[Revision], numbers: tuple[int, int]) -> None:
    assert chosen(*revisions) == numbers


@pytest.mark.parametrize(
    ("revisions", "reason"),
    [
        ([revision(1, "a", 0)], "NoPreviousRevision"),
        ([revision(1, "a", 0), revision(2, "a", 1, restarted="x")], "NoPreviousRevision"),
        # told by its age, by its former number, and by the same template under another restart
        ([revision(3, "a", 0), revision(2, "b", 1)], "RevisionIsRollback"),
        ([revision(3, "a", 1, 1), revision(2, "b", 1)], "RevisionIsRollback"),
        ([revision(1, "a", 0), revision(2, "b", 1), revision(3, "a", 2, restarted="x")], "RevisionIsRollback"),
    ],
)
def test_what_cannot_be_gone_back_from(revisions: list[Revision], reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        chosen(*revisions)

    assert refused.value.preview.refused == reason


@pytest.mark.parametrize("revisions", [[], [revision(1, "a", 0)]])
def test_a_template_that_no_revision_has_yet(revisions: list[Revision]) -> None:
    with pytest.raises(RefusedError) as refused:
        present_and_previous("Deployment/a", template("new"), revisions)

    assert refused.value.preview.refused == "RevisionNotKnown"


def owned(uid: str, **body: Any) -> dict[str, Any]:
    metadata = {"creationTimestamp": "2026-01-01T12:00:00Z", "ownerReferences": [{"uid": uid, "controller": True}]}
    return {**body, "metadata": {**metadata, **body.get("metadata", {})}}


def test_revisions_are_read_as_the_controllers_keep_them() -> None:
    workload = {"metadata": {"uid": "u"}}
    plain = {"metadata": {"labels": {"app": "a"}}, "spec": {"image": "a"}}
    hashed = {"metadata": {"labels": {"app": "a", "pod-template-hash": "h"}}, "spec": {"image": "a"}}
    raw = {"metadata": {"labels": {"app": "a"}, "creationTimestamp": None}, "spec": {"image": "a"}, "$patch": "replace"}
    numbers = {"deployment.kubernetes.io/revision": "5", "deployment.kubernetes.io/revision-history": "1,3"}

    found = revisions_of(
        workload,
        [
            owned("u", metadata={"annotations": numbers}, spec={"template": hashed}),
            owned("u", revision=7, data={"spec": {"template": raw}}),
            owned("u", spec={"template": hashed}),
            owned("other", revision=9, data={}),
        ],
    )

    assert [(r.number, r.numbers) for r in found] == [(7, (7,)), (5, (5, 1, 3))]
    assert {template_digest(r.template) for r in found} == {template_digest(plain)}
    assert with_digest(found, template_digest(plain)) == found[0]
    assert with_digest(found, template_digest({})) is None
