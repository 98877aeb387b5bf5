"""Entry point: ``homeostat run`` and ``homeostat version``."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from homeostat import __version__

application = typer.Typer(
    help="Keeps network services on Kubernetes inside what was promised for them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@application.command()
def run(
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Kubeconfig; default: the pod's service account, else $KUBECONFIG.")
    ] = None,
    prometheus_url: Annotated[
        str | None, typer.Option(help="Default telemetry source. [env: HOMEOSTAT_PROMETHEUS_URL]", show_default=False)
    ] = None,
    log_format: Annotated[
        str | None, typer.Option(help="json or text. [env: HOMEOSTAT_LOG_FORMAT]", show_default=False)
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(help="Port of probes and metrics; 0: any free. [env: HOMEOSTAT_HEALTH_PORT]", show_default=False),
    ] = None,
) -> None:
    """Run the operator until SIGTERM. Every time constant is a setting: environment variables HOMEOSTAT_*."""
    cluster = _kubeconfig(kubeconfig)
    if cluster is not None:
        os.environ["KUBECONFIG"] = str(cluster)
    # Imported here: the kubernetes library reads KUBECONFIG once, when it is imported; and `version` and `--help` need
    # none of the operator's two seconds of imports.
    from homeostat.app.run import operate  # noqa: PLC0415
    from homeostat.app.settings import Settings  # noqa: PLC0415

    given: dict[str, Any] = {"prometheus_url": prometheus_url, "log_format": log_format, "health_port": health_port}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors(include_input=False))
        raise typer.BadParameter(f"a setting is wrong: {faults}") from error
    sys.exit(operate(settings, cluster))


@application.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def _kubeconfig(given: Path | None) -> Path | None:
    """The kubeconfig to use; None for the service account of the pod that this runs in."""
    if given is not None:
        if not given.is_file():
            raise typer.BadParameter(f"there is no kubeconfig {given}")
        return given
    if Path("/var/run/secrets/kubernetes.io/serviceaccount/token").is_file():
        return None
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    usual = Path(named) if named else Path.home() / ".kube" / "config"
    if not usual.is_file():
        raise typer.BadParameter("no cluster is given: name a kubeconfig by --kubeconfig or $KUBECONFIG")
    return usual


def main() -> None:
    """Run the command line."""
    application()


if __name__ == "__main__":
    main()
