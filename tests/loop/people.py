"""People who decide upon records, by the plugin and under their own names."""

import subprocess
import sys
from pathlib import Path

from tests.loop.stage import Stage

PLUGIN = Path(sys.executable).with_name("kubectl-homeostat")


def let_decide(stage: Stage, *users: str) -> None:
    """Give people the right to decide in the stage's namespace."""
    named = [f"--user={user}" for user in users]
    within = f"--namespace={stage.namespace}"
    stage.cluster.kubectl("create", "rolebinding", "approver", within, "--clusterrole=homeostat-approver", *named)


def decide(stage: Stage, user: str, verb: str, name: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Call kubectl homeostat as a person does."""
    kubeconfig = stage.cluster.kubeconfig_for(user)
    command = [str(PLUGIN), verb, name, f"--namespace={stage.namespace}", f"--kubeconfig={kubeconfig}", *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
