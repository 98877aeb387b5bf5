"""The command line: python -m hack.cluster up, down, build or status."""

import argparse
import sys
import time
from collections.abc import Sequence

from hack.cluster import binaries, down, print_to_stderr, runs, up
from hack.cluster.errors import ClusterError
from hack.cluster.local import check_host
from hack.cluster.processes import marked


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors are messages, not traces."""
    options = _parser().parse_args(arguments)
    actions = {"up": _up, "down": _down, "build": _build, "status": _status}
    try:
        actions[options.action](options)
    except ClusterError as failed:
        print_to_stderr(f"Error: {failed}")
        return 1
    except KeyboardInterrupt:
        print_to_stderr("Interrupted; nothing is left behind")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hack.cluster", description="A local Kubernetes without Docker.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="up|down|build|status")
    for name, help_text in {
        "up": "start a cluster that stays until `down`",
        "build": "build the programs a cluster needs, without starting one",
    }.items():
        action = actions.add_parser(name, help=help_text, description=help_text)
        action.add_argument("--node", action="store_true", help="with one real node that runs real pods (needs root)")
        action.add_argument(
            "--kwok", type=int, default=0, metavar="N", help="with N nodes that only pretend to run pods"
        )
    actions.add_parser("down", help="remove the clusters that `up` started, and what crashed runs left behind")
    actions.add_parser("status", help="list the local clusters")
    return parser


def _up(options: argparse.Namespace) -> None:
    started = time.monotonic()
    cluster = up(node=options.node, kwok_nodes=options.kwok)
    print_to_stderr(f"Up after {time.monotonic() - started:.1f} s; remove it with: python -m hack.cluster down")
    print(f"export KUBECONFIG={cluster.kubeconfig}")


def _down(_: argparse.Namespace) -> None:
    removed = down()
    print(f"Removed {', '.join(removed)}" if removed else "Nothing to remove")
    for folder in runs.all_folders():
        print(f"Left alone: {folder.name} belongs to a process that still runs")


def _build(options: argparse.Namespace) -> None:
    check_host(node=options.node, progress=print_to_stderr)
    names = binaries.needed(node=options.node, kwok=options.kwok > 0)
    for name, path in binaries.build(names, print_to_stderr).items():
        print(f"{name:25} {path}")


def _status(_: argparse.Namespace) -> None:
    folders = runs.all_folders()
    if not folders:
        print("No local cluster")
    for folder in folders:
        state = (
            "abandoned" if runs.is_abandoned(folder) else "up" if runs.is_kept(folder) else "up, of a running process"
        )
        node = "with a real node" if runs.has_node(folder) else "control plane"
        print(
            f"{folder.name}  {state}, {node}, {len(marked(folder.name))} processes, KUBECONFIG={folder / 'kubeconfig'}"
        )


if __name__ == "__main__":
    sys.exit(main())
