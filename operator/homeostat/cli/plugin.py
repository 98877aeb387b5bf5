"""kubectl homeostat: explain, approve, reject, undo.

Exit status: 0 done, 1 refused or not found (the message says why), 2 wrong usage.
"""

import json
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from homeostat.cli.decide import approve as approve_plan
from homeostat.cli.decide import reject as reject_plan
from homeostat.cli.decide import undo as ask_for_undo
from homeostat.cli.explain import explained
from homeostat.cli.records import ClusterRefusalError, Connection, KubernetesRecords

_REFUSED = 1

app = typer.Typer(
    name="kubectl-homeostat",
    help="Read and decide what Homeostat does. Exit status: 0 done, 1 refused or not found, 2 wrong usage.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Name of the remediation, as kubectl get remediations lists it.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace; default: the context's own.")]
Context = Annotated[str, typer.Option(help="Context of the kubeconfig; default: the current one.")]
Kubeconfig = Annotated[str, typer.Option(help="Kubeconfig file; default: KUBECONFIG, or ~/.kube/config.")]


class Output(StrEnum):
    """How a record is printed."""

    TEXT = "text"
    JSON = "json"


@app.command()
def explain(
    name: Name,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    output: Annotated[Output, typer.Option("--output", "-o", help="text, or json: the whole object.")] = Output.TEXT,
) -> None:
    """Tell why something was done or not done, what came of it, and how to take it back."""
    record = KubernetesRecords(Connection(kubeconfig, context, namespace)).read(name)
    if output is Output.JSON:
        print(json.dumps(record, indent=2))
    else:
        print(explained(record, colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR")))


@app.command()
def approve(
    name: Name,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
    plan: Annotated[str, typer.Option(help="Approve only if the plan's digest still begins like this.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
) -> None:
    """Approve the plan that waits, under your own name."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(approve_plan(records, name, plan, reason))


@app.command()
def reject(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Reject the plan that waits, under your own name; nothing is done."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(reject_plan(records, name, reason))


@app.command()
def undo(
    name: Name,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Have what was done taken back, under your own name; refused where someone else changed it since."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(ask_for_undo(records, name, reason))


def run(command: Callable[[], object]) -> int:
    """Run a command; a refusal becomes one line on stderr and the exit status 1."""
    try:
        command()
    except ClusterRefusalError as refusal:
        print(f"kubectl homeostat: {refusal}", file=sys.stderr)
        return _REFUSED
    return 0


def main() -> None:
    """Entry point of ``kubectl homeostat``."""
    sys.exit(run(app))
