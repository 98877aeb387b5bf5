"""Who may write a policy that runs jobs: those who may create jobs themselves."""

import json
from typing import Any

import pytest

from hack.cluster import Cluster
from tests.apiserver.installation import install, refusal
from tests.unit.record.samples import POLICY

JOB = {"name": "run", "action": {"job": {"target": "pcscf", "template": {"image": "localhost/runbook:1"}}}}


@pytest.fixture(scope="module", autouse=True)
def installed(cluster: Cluster) -> None:
    install(cluster)


def _policy(*steps: dict[str, Any]) -> str:
    return json.dumps(
        {
            "apiVersion": "homeostat.dev/v1alpha1",
            "kind": "RemediationPolicy",
            "metadata": {"name": "call-setup"},
            "spec": {**POLICY, "steps": list(steps)},
        }
    )


def _author(cluster: Cluster, namespace: str) -> str:
    """May write policies in the namespace, and nothing else."""
    user = f"author-{namespace}"
    cluster.kubectl(
        "create", "role", "author", "-n", namespace, "--verb=get,create,patch,update",
        "--resource=remediationpolicies.homeostat.dev",
    )  # fmt: skip
    cluster.kubectl("create", "rolebinding", "author", "-n", namespace, "--role=author", f"--user={user}")
    return user


def test_who_may_not_create_jobs_may_write_other_policies_only(cluster: Cluster, namespace: str) -> None:
    author = _author(cluster, namespace)
    apply = ("apply", "--server-side", "-n", namespace, "-f", "-")
    cluster.kubectl(*apply, user=author, stdin=_policy(*POLICY["steps"]))

    told = refusal(cluster, *apply, user=author, stdin=_policy(*POLICY["steps"], JOB))

    assert f"{author} may not write a policy that runs jobs" in told
    assert f"create on jobs.batch in namespace {namespace}" in told


def test_who_may_create_jobs_may_have_them_run_and_others_may_label_the_policy(
    cluster: Cluster, namespace: str
) -> None:
    author = _author(cluster, namespace)
    cluster.kubectl("create", "role", "jobs", "-n", namespace, "--verb=create", "--resource=jobs.batch")
    cluster.kubectl("create", "rolebinding", "jobs", "-n", namespace, "--role=jobs", f"--user={author}")
    cluster.kubectl("create", "-n", namespace, "-f", "-", user=author, stdin=_policy(JOB))
    cluster.kubectl("delete", "rolebinding", "jobs", "-n", namespace)

    cluster.kubectl("label", "rp", "call-setup", "-n", namespace, "of=someone", user=author)
