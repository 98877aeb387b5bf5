"""Stand-in for the kubelet: pods that the real controllers make are said to run, in their status and nothing else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import requests

from tests.loop.api import Api, Body, path
from tests.loop.cnf import Exporters
from tests.loop.manifests import BUILT_IN_TUNING, CONFIG_MAP, KEY, LABEL

_CONDITIONS = ("PodScheduled", "Initialized", "ContainersReady", "Ready")


class Kubelet:
    """Starts every pod of a stage as it comes, with the configuration as it is then."""

    def __init__(self, api: Api, exporters: Exporters) -> None:
        self._api, self._exporters = api, exporters
        self._over = threading.Event()
        self._running: set[str] = set()
        self.fault: Exception | None = None

    def run(self) -> None:
        try:
            while not self._over.is_set():
                self._follow()
        except Exception as fault:  # shown by the stage that waits for its pods
            self.fault = fault

    def end(self) -> None:
        self._over.set()

    def _follow(self) -> None:
        listed = self._api.get(path("pods"), labelSelector=LABEL)
        for pod in listed["items"]:
            self._see(pod)
        # A watch of one second, again and again, so that the end is noticed.
        for event in self._api.watch(path("pods"), listed["metadata"]["resourceVersion"], 1, labelSelector=LABEL):
            pod = event["object"]
            if event["type"] == "DELETED":
                self._cnf_end(pod)
            else:
                self._see(pod)

    def _see(self, pod: Body) -> None:
        metadata = pod["metadata"]
        if metadata["uid"] in self._running or "deletionTimestamp" in metadata:
            return
        cnf = self._exporters.cnfs.get(metadata["namespace"])
        if cnf is None:
            return
        try:
            tuning = self._api.get(path("configmaps", metadata["namespace"], CONFIG_MAP))["data"][KEY]
            cnf.start(metadata["name"], metadata.get("annotations", {}).get(BUILT_IN_TUNING, tuning))
            self._api.patch(path("pods", metadata["namespace"], metadata["name"]) + "/status", _running())
        except requests.HTTPError as refused:
            if refused.response is None or refused.response.status_code != requests.codes.not_found:
                raise
            cnf.end(metadata["name"])  # gone meanwhile
        self._running.add(metadata["uid"])

    def _cnf_end(self, pod: Body) -> None:
        cnf = self._exporters.cnfs.get(pod["metadata"]["namespace"])
        if cnf is not None:
            cnf.end(pod["metadata"]["name"])


def _running() -> Body:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in _CONDITIONS]
    return {"status": {"phase": "Running", "startTime": now, "conditions": conditions}}


@contextmanager
def standing_in(api: Api, exporters: Exporters) -> Iterator[Kubelet]:
    kubelet = Kubelet(api, exporters)
    thread = threading.Thread(target=kubelet.run)
    thread.start()
    try:
        yield kubelet
    finally:
        kubelet.end()
        thread.join()
