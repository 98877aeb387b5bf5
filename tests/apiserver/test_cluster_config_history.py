"""The history of a ConfigMap's key on a real API server."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from hack.cluster import Cluster
from homeostat.cluster.client import ApiCluster
from homeostat.cluster.config_history import REMEMBERED, ControllerRevisionHistory, text_digest
from homeostat.flow.facts import ConfigNote
from homeostat.flow.ports import KubernetesError, NotFoundError
from homeostat.flow.resources import Body

KEY = "tuning.yaml"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "pcscf-tuning"}}


class Key:
    """A ConfigMap's key that people write."""

    def __init__(self, cluster: Cluster, api: ApiCluster, namespace: str) -> None:
        self.cluster, self.api, self.namespace = cluster, api, namespace
        self.history = ControllerRevisionHistory(api)

    def create(self, text: str) -> None:
        body = {**OWNER, "data": {KEY: text, "other": "x"}}
        self.cluster.kubectl("create", "--namespace", self.namespace, "--filename", "-", stdin=json.dumps(body))

    def write(self, text: str, by: str = "kubectl-edit") -> None:
        self.cluster.kubectl(
            "patch", "configmap", "pcscf-tuning", "--namespace", self.namespace, "--type=merge",
            f"--field-manager={by}", "--patch", json.dumps({"data": {KEY: text}}),
        )  # fmt: skip

    async def note(self, history: ControllerRevisionHistory | None = None) -> ConfigNote:
        return await (history or self.history).note(self.namespace, "pcscf-tuning", KEY, datetime.now(UTC))

    async def mark_good(self, text: str) -> None:
        await self.history.mark_good(self.namespace, "pcscf-tuning", KEY, text_digest(text))

    async def last_good(self) -> str | None:
        return await self.history.last_good(self.namespace, "pcscf-tuning", KEY)

    async def stored(self) -> tuple[Body, ...]:
        return await self.api.list("apps/v1", "ControllerRevision", self.namespace)

    async def texts(self) -> int:
        return sum("text" in body["data"] for body in await self.stored())


@pytest.fixture
def key(cluster: Cluster, api: ApiCluster, namespace: str) -> Key:
    return Key(cluster, api, namespace)


async def test_a_change_is_told_with_who_made_it_and_when(key: Key) -> None:
    key.create("rate: 50  # per second\n")
    first = await key.note()
    assert (first.changes, first.good, first.digest) == ((), False, text_digest("rate: 50  # per second\n"))
    key.write("rate: 5\nburst: 1\n", by="alice")

    note = await key.note()

    assert [(c.path, c.before, c.after, c.by) for c in note.changes] == [
        ("/rate", "50", "5", "alice"),
        ("/burst", "", "1", "alice"),
    ]
    age = datetime.now(UTC) - note.changes[0].at
    assert timedelta(0) <= age < timedelta(seconds=30)
    assert note.changes[0].at.microsecond == 0, "the API server's own time of the change, not that of the look"
    assert note.since == note.changes[0].at


async def test_it_survives_a_restart_and_repeats_nothing(key: Key) -> None:
    key.create("rate: 50\n")
    await key.note()
    key.write("rate: 5\n")
    before = await key.note()

    again = await key.note(ControllerRevisionHistory(key.api))

    assert again == before
    assert await key.texts() == 2


async def test_the_last_good_content_is_one_that_differs(key: Key) -> None:
    key.create("rate: 50\n")
    await key.note()
    assert await key.last_good() is None
    await key.mark_good("rate: 50\n")
    assert await key.last_good() is None, "the present content is no other one"
    key.write("rate: 5\n")
    note = await key.note()

    assert not note.good
    assert await key.last_good() == "rate: 50\n"
    key.write("rate: 50\n")
    assert await key.last_good() is None


async def test_marking_twice_writes_once(key: Key) -> None:
    key.create("rate: 50\n")
    await key.note()
    await key.mark_good("rate: 50\n")
    marked = [body["metadata"]["resourceVersion"] for body in await key.stored()]

    await key.mark_good("rate: 50\n")
    await key.mark_good("never seen")

    assert [body["metadata"]["resourceVersion"] for body in await key.stored()] == marked
    assert (await key.note()).good


async def test_a_mark_goes_with_its_content(key: Key) -> None:
    key.create("rate: 0\n")
    for rate in range(REMEMBERED + 2):
        key.write(f"rate: {rate}\n")
        await key.note()
        await key.mark_good(f"rate: {rate}\n")

    async with asyncio.timeout(30):
        while len(await key.stored()) > 2 * REMEMBERED:
            await asyncio.sleep(0.1)
    assert await key.texts() == REMEMBERED
    assert await key.last_good() == f"rate: {REMEMBERED}\n"


async def test_the_oldest_are_forgotten_but_not_the_last_good_one(key: Key) -> None:
    key.create("rate: 1000\n")
    await key.note()
    await key.mark_good("rate: 1000\n")
    for rate in range(REMEMBERED + 3):
        key.write(f"rate: {rate}\n")
        await key.note()

    assert await key.texts() == REMEMBERED + 1
    assert await key.last_good() == "rate: 1000\n"
    changes = (await key.note()).changes
    assert len(changes) == REMEMBERED - 1, "no change is made up across what was forgotten"
    assert (changes[-1].before, changes[-1].after) == (str(REMEMBERED + 1), str(REMEMBERED + 2))


async def test_what_is_not_yaml_changes_as_a_whole(key: Key) -> None:
    key.create("a: [1\n")
    await key.note()
    key.write("a: [2\n")

    (change,) = (await key.note()).changes

    assert (change.path, change.after) == ("", f"sha256:{text_digest('a: [2' + chr(10))[:12]}")


async def test_of_a_plain_text_no_line_is_told(key: Key) -> None:
    key.create("children=8\npassword=old-secret\n")
    await key.note()
    key.write("children=2\npassword=new-secret\n")

    (change,) = (await key.note()).changes

    assert change.path == ""
    assert change.before.startswith("sha256:")
    assert "secret" not in change.before + change.after


async def test_comments_are_no_change_of_configuration(key: Key) -> None:
    key.create("rate: 50\n")
    await key.note()
    key.write("# now with a comment\nrate:   50\n")

    assert (await key.note()).changes == ()


async def test_it_goes_with_its_config_map(key: Key) -> None:
    key.create("rate: 50\n")
    await key.note()

    (revision,) = await key.api.list("apps/v1", "ControllerRevision", key.namespace)

    owner = await key.api.get("v1", "ConfigMap", key.namespace, "pcscf-tuning")
    assert [o["uid"] for o in revision["metadata"]["ownerReferences"]] == [owner["metadata"]["uid"]]


async def test_what_cannot_be_remembered_says_why(key: Key) -> None:
    with pytest.raises(NotFoundError) as error:
        await key.note()
    assert error.value.reason == "ConfigMapNotFound"
    key.create("x" * 300_000)
    with pytest.raises(KubernetesError, match="256 KiB") as large:
        await key.note()
    assert large.value.reason == "KeyTooLarge"
    with pytest.raises(NotFoundError) as absent:
        await key.history.note(key.namespace, "pcscf-tuning", "none.yaml", datetime.now(UTC))
    assert absent.value.reason == "KeyNotFound"


async def test_an_object_that_only_carries_the_label_is_passed_over(key: Key) -> None:
    key.create("rate: 50\n")
    await key.note()
    (revision,) = await key.api.list("apps/v1", "ControllerRevision", key.namespace)
    metadata = {"name": "forged", "namespace": key.namespace, "labels": revision["metadata"]["labels"]}
    await key.api.create(
        {
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": metadata,
            "revision": 9,
            "data": {"text": 1},
        }
    )

    assert (await key.note()).changes == ()
