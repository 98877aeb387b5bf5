"""Resizing and rolling back as commands that a person could have typed."""

import shlex

import pytest

from homeostat.contracts.operations import OperationAction, TargetIdentity
from homeostat.record.kubectl import commands
from tests.unit.record.samples import PCSCF, operation, spec

POD = TargetIdentity(api_version="v1", kind="Pod", name="pcscf-0", uid="u")
ROLLOUT = TargetIdentity(api_version="argoproj.io/v1alpha1", kind="Rollout", name="pcscf", uid="u")
BEFORE, AFTER = "limits.cpu=1,requests.cpu=500m", "limits.cpu=1500m,requests.cpu=750m"


def resized(target: TargetIdentity, field: str) -> tuple[str, str]:
    done = operation(action=OperationAction.RESIZE, target=target, field=field, before=BEFORE, intended=AFTER)
    both = commands("ims", done, spec())
    return both.do, both.undo


def test_a_pod_is_resized_through_its_subresource() -> None:
    do, undo = resized(POD, "spec.containers[main].resources")

    resources = '{"limits": {"cpu": "%s"}, "requests": {"cpu": "%s"}}'
    patch = f'{{"spec": {{"containers": [{{"name": "main", "resources": {resources}}}]}}}}'
    start = ["kubectl", "patch", "pod/pcscf-0", "-n", "ims", "--subresource=resize", "--patch"]
    assert shlex.split(do) == [*start, patch % ("1500m", "750m")]
    assert shlex.split(undo) == [*start, patch % ("1", "500m")]


def test_a_template_is_resized_by_the_command_for_it() -> None:
    start = "kubectl set resources deployment/pcscf -n ims --containers=main"
    assert resized(PCSCF, "spec.template.spec.containers[main].resources") == (
        f"{start} --limits=cpu=1500m --requests=cpu=750m",
        f"{start} --limits=cpu=1 --requests=cpu=500m",
    )


def test_a_template_that_kubectl_does_not_know_is_edited() -> None:
    field = "spec.template.spec.containers[main].resources"
    assert resized(ROLLOUT, field) == (
        f"kubectl edit rollout.argoproj.io/pcscf -n ims   # {field}: {BEFORE} -> {AFTER}",
        f"kubectl edit rollout.argoproj.io/pcscf -n ims   # {field}: {AFTER} -> {BEFORE}",
    )


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_rollback_names_its_revision(kind: str) -> None:
    target = PCSCF.model_copy(update={"kind": kind})
    done = operation(
        action=OperationAction.ROLLBACK,
        target=target,
        field="spec.template",
        before="revision 12",
        intended="revision 9",
    )

    both = commands("ims", done, spec())

    assert both.do == f"kubectl rollout undo {kind.lower()}/pcscf -n ims --to-revision=9"
    assert both.undo == f"kubectl rollout undo {kind.lower()}/pcscf -n ims --to-revision=12"
