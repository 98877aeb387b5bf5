"""kubectl homeostat: explain; approve, reject, cancel, takeover, undo, ack, review; pause, stop, resume.

Exit status: 0 done, 1 refused or not found (the message says why), 2 wrong usage.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from homeostat.cli import decide
from homeostat.cli.explain import explained
from homeostat.cli.records import ClusterRefusalError, Connection, KubernetesRecords
from homeostat.cli.switches import pause as pause_scope
from homeostat.cli.switches import resume as resume_scope
from homeostat.cli.switches import scope_of
from homeostat.cli.switches import stop as stop_scope
from homeostat.contracts.decisions import ReviewVerdict

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
Target = Annotated[str, typer.Argument(metavar="TARGET", help="INTENT, policy/NAME or namespace/NAME.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Namespace; default: the context's own.")]
Context = Annotated[str, typer.Option(help="Context of the kubeconfig; default: the current one.")]
Why = Annotated[str, typer.Option("--reason", help="Why, for the record.")]
Kubeconfig = Annotated[str, typer.Option(help="Kubeconfig file; default: KUBECONFIG, or ~/.kube/config.")]


class Verdict(StrEnum):
    """What a person thinks of a remediation afterwards, as it is typed."""

    RIGHT = "right"
    WRONG = "wrong"
    UNNEEDED = "unneeded"


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
    reason: Why = "",
) -> None:
    """Approve the plan that waits, under your own name."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(decide.approve(records, name, plan, reason))


@app.command()
def reject(
    name: Name,
    reason: Why,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Reject the plan that waits, under your own name; nothing is done."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(decide.reject(records, name, reason))


@app.command()
def cancel(
    name: Name, reason: Why, namespace: Namespace = "", context: Context = "", kubeconfig: Kubeconfig = ""
) -> None:
    """End a remediation, under your own name; nothing further is done, and what was done stays until you undo it."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(decide.cancel(records, name, reason))


@app.command()
def takeover(
    name: Name, reason: Why, namespace: Namespace = "", context: Context = "", kubeconfig: Kubeconfig = ""
) -> None:
    """Take over, under your own name; nothing more is done in this episode, not even an undo or a release."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(decide.take_over(records, name, reason))


@app.command()
def ack(
    name: Name, reason: Why = "", namespace: Namespace = "", context: Context = "", kubeconfig: Kubeconfig = ""
) -> None:
    """Say that you have seen it, under your own name; nothing else changes."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(decide.acknowledge(records, name, reason))


@app.command()
def review(
    name: Name,
    verdict: Annotated[Verdict, typer.Option(help="unneeded: it would have been well without.")],
    note: Annotated[str, typer.Option(help="What was learned.")] = "",
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Say afterwards whether it was right, under your own name; the last review counts."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(decide.review(records, name, ReviewVerdict(verdict.capitalize()), note))


@app.command()
def undo(
    name: Name,
    reason: Why,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Have what was done taken back, under your own name; refused where someone else changed it since."""
    records = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(decide.undo(records, name, reason))


@app.command()
def pause(
    target: Target,
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 30m or 2h; it ends by itself.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Have no new act made for a while; what was done is still verified, and undone if it must be."""
    objects = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(pause_scope(objects, scope_of(target), lasting, reason, datetime.now(UTC)))


@app.command()
def stop(
    target: Target,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Have nothing written any more, an undo included, until resume; prints what to type in its place."""
    objects = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(stop_scope(objects, scope_of(target), reason))


@app.command()
def resume(
    target: Target,
    namespace: Namespace = "",
    context: Context = "",
    kubeconfig: Kubeconfig = "",
) -> None:
    """Lift a pause and a stop."""
    objects = KubernetesRecords(Connection(kubeconfig, context, namespace))
    print(resume_scope(objects, scope_of(target)))


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
