"""Tell Prometheus which pods to scrape, by file: Debian's build has no Kubernetes discovery.

Runs beside Prometheus. A watch says that something changed; a list then says what is.
"""

import json
import os
import ssl
import time
import urllib.request
from pathlib import Path
from typing import Any

NAMESPACE = os.environ.get("CNF_NAMESPACE", "ims")
SELECTOR = os.environ.get("CNF_SELECTOR", "app%3Dpcscf")
TARGETS = Path(os.environ.get("TARGETS", "/data/targets"))
PORTS = ("metrics", "agent")
OPT_OUT = "homeostat-demo/scrape"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = f"{os.environ.get('KUBERNETES_SERVICE_HOST')}:{os.environ.get('KUBERNETES_SERVICE_PORT')}"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={SELECTOR}"

Group = dict[str, Any]


def ask(path: str, timeout: float) -> Any:  # noqa: ANN401 - urlopen says no more
    headers = {"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"}
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    request = urllib.request.Request(f"https://{API}{path}", headers=headers)
    return urllib.request.urlopen(request, timeout=timeout, context=trust)


def scraped(pod: Group) -> bool:
    """Whether a pod runs and has not opted out."""
    wanted = pod["metadata"].get("labels", {}).get(OPT_OUT) != "false"
    return wanted and pod["status"].get("phase") == "Running" and "podIP" in pod["status"]


def cnf_targets(pods: list[Group]) -> list[Group]:
    """One group per pod and port, labelled as an operator looks for them."""
    groups: list[Group] = []
    for pod in filter(scraped, pods):
        containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
        for port in (port for container in containers for port in container.get("ports", [])):
            if port.get("name") in PORTS:
                labels = {"namespace": NAMESPACE, "pod": pod["metadata"]["name"], "endpoint": port["name"]}
                groups.append({"targets": [f"{pod['status']['podIP']}:{port['containerPort']}"], "labels": labels})
    return groups


def node_targets(pods: list[Group]) -> list[Group]:
    """cAdvisor of each node that runs such a pod, by way of the API server."""
    nodes = sorted({pod["spec"]["nodeName"] for pod in pods if "nodeName" in pod["spec"]})
    return [
        {"targets": [API], "labels": {"node": node, "__metrics_path__": f"/api/v1/nodes/{node}/proxy/metrics/cadvisor"}}
        for node in nodes
    ]


def write(name: str, groups: list[Group]) -> None:
    """Replace a file of targets as a whole; Prometheus sees the change at once."""
    text, path = json.dumps(groups), TARGETS / f"{name}.json"
    if not path.exists() or path.read_text() != text:
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").rename(path)
        print(f"{name}: {sum(len(group['targets']) for group in groups)} targets", flush=True)


def refresh() -> None:
    with ask(PODS, 5) as answer:
        pods = json.load(answer)["items"]
    write("cnf", cnf_targets(pods))
    write("nodes", node_targets(pods))


def main() -> None:
    TARGETS.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            refresh()
            with ask(f"{PODS}&watch=1&timeoutSeconds=600", 660) as events:
                for _ in events:
                    refresh()
        except (OSError, ValueError, KeyError) as error:
            print(f"cannot follow the pods: {error}", flush=True)
        time.sleep(1)


if __name__ == "__main__":
    main()
