"""The objects on a stage: a CNF, its tuning, what is promised for it, and what may be done."""

from typing import Any

from tests.loop.cnf import CPU_LIMIT

LABEL = "tier=loop-test"
EDGE = "edge"
CONFIG_MAP = "edge-tuning"
KEY = "tuning.yaml"
INTENT = "call-setup"
POLICY = "remedies"
SOURCE = "edge"
ANSWERED = "calls-answered"
SHED = "calls-shed"

TUNING = """\
# SIP edge tuning, owned by the IMS core team
limits:
    invitesPerSecond:   400   # per pod; agreed with the core
timers: {noReactionMs: 2000}  # then the callee counts as gone
"""

BUILT_IN_TUNING = "loop-test/tuning"
"""Annotation of a pod whose software does not take its tuning from the ConfigMap: a bad release has one of its own."""

WINDOW = "3s"


def deployment(replicas: int) -> dict[str, Any]:
    """Nobody schedules its pods, not on nodes of a given cluster either: the stand-in for the kubelet runs them."""
    labels = {"app": EDGE, "tier": "loop-test"}
    container = {"name": "sip", "image": "localhost/none", "resources": {"limits": {"cpu": f"{CPU_LIMIT:g}"}}}
    pod = {"schedulerName": "loop-test", "terminationGracePeriodSeconds": 0, "containers": [container]}
    return {
        "metadata": {"name": EDGE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": EDGE}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def tuning(text: str = TUNING) -> dict[str, Any]:
    return {"metadata": {"name": CONFIG_MAP}, "data": {KEY: text, "other.yaml": "untouched: yes\n"}}


def source(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": "TelemetrySource",
        "metadata": {"name": SOURCE},
        "spec": {
            "url": url,
            "timeout": "2s",
            "scrapeInterval": "1s",
            # A pod that has just started is not missed before Prometheus can know of it.
            "discovery": "8s",
            "cpuUsage": 'sum by (pod) (rate(cnf_cpu_seconds_total{namespace="$namespace",pod=~"$pods"}[$window]))',
        },
    }


def intent(namespace: str) -> dict[str, Any]:
    calls = f'cnf_calls_total{{namespace="{namespace}"'
    answered = {
        "name": ANSWERED,
        "ratio": {
            "good": f'sum(rate({calls},outcome="effective"}}[$window]))',
            "total": f"sum(rate({calls}}}[$window]))",
        },
        "window": WINDOW,
        "condition": "IsEqualToOrGreaterThan",
        "value": "0.95",
        "sustain": {"breaches": 2, "of": 3},
    }
    shed = {
        "name": SHED,
        "query": f'sum(rate({calls},outcome="shed"}}[$window]))',
        "window": WINDOW,
        "condition": "IsLessThan",
        "value": "5",
        "sustain": {"breaches": 2, "of": 3},
    }
    return {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": "ServiceIntent",
        "metadata": {"name": INTENT, "annotations": {"gitops.example/revision": "1"}, "labels": {"domain": "ims"}},
        "spec": {
            "telemetrySourceRef": {"name": SOURCE},
            "observationPeriod": "1s",
            "targets": [{"name": EDGE, "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": EDGE}}],
            "expectations": [answered, shed],
        },
    }


def policy(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Live, and autonomous in everything unless more is said."""
    return {
        "apiVersion": "homeostat.dev/v1alpha1",
        "kind": "RemediationPolicy",
        "metadata": {"name": POLICY, "annotations": {"gitops.example/revision": "1"}},
        "spec": {
            "mode": "Live",
            "autonomyLevel": 5,
            "escalation": {"demoteTo": 4},
            "intentSelector": {"matchNames": [INTENT]},
            "triggers": [{"name": "calls-fail", "expectation": ANSWERED}],
            "steps": list(steps),
            "boundaries": {"autonomous": [{"action": "Scale"}, {"action": "Reconfigure"}]},
            "guardrails": {"cooldown": "1s", "frequency": {"limit": 10, "per": "10m"}},
            "verification": VERIFICATION,
        }
        | more,
    }


VERIFICATION = {"propagation": "20s", "stabilization": "3s", "deadline": "12s"}
ASK_FIRST = {"approval": [{"action": "Scale"}]}


def add_capacity(**more: Any) -> dict[str, Any]:
    action = {"scale": {"target": EDGE, "by": "+1", "max": 4}}
    return {"name": "add-capacity", "causes": ["Saturated"], "action": action, **more}


def release(**more: Any) -> dict[str, Any]:
    return {"afterMet": "4s", "headroom": "0.7", **more}


def reconfigure(name: str, cause: str, change: dict[str, Any], **more: Any) -> dict[str, Any]:
    action = {"reconfigure": {"target": EDGE, "configMap": CONFIG_MAP, "key": KEY, **change}}
    return {"name": name, "causes": [cause], "action": action, **more}
