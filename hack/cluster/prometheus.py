"""A real Prometheus on loopback, for tests and benchmarks."""

import shutil
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from hack.cluster import packages
from hack.cluster.commands import Progress, find
from hack.cluster.processes import Process, end_all, free_ports
from hack.cluster.provision import print_to_stderr
from hack.cluster.reaper import Reaper

Targets = Mapping[str, Sequence[str]]


class Prometheus(str):
    """The address of a running server; being a string, it can be handed on as it is."""

    __slots__ = ()

    def reload(self) -> None:
        """Make the server read its configuration again."""
        urllib.request.urlopen(urllib.request.Request(f"{self}/-/reload", method="POST"), timeout=30).close()


@contextmanager
def running_prometheus(
    folder: Path,
    targets: Targets,
    *,
    scrape_interval: str = "1s",
    labels: Mapping[str, str] | None = None,
    rules: Mapping[str, Any] | None = None,
    flags: Sequence[str] = (),
    progress: Progress = print_to_stderr,
) -> Iterator[Prometheus]:
    """Yield the address of a Prometheus that scrapes "host:port" targets, job by job.

    Its files are in a new folder below the given one and go with it. To scrape something else while it runs, call
    `write_configuration` for the same folder again, then `reload()` on the address. Prometheus takes up to five
    seconds to begin with new targets, at its start too.
    """
    packages.ensure(packages.PROMETHEUS, "the real Prometheus", progress)
    configuration = write_configuration(folder, targets, scrape_interval=scrape_interval, labels=labels, rules=rules)
    home = Path(tempfile.mkdtemp(prefix="prometheus-", dir=folder))
    port = free_ports(1)[0]
    address = Prometheus(f"http://127.0.0.1:{port}")
    reaper = Reaper(home, node=False)
    try:
        process = Process(
            home,
            "prometheus",
            [
                str(find("prometheus")),
                f"--config.file={configuration}",
                f"--storage.tsdb.path={home / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-lifecycle",
                "--storage.tsdb.retention.time=1d",
                *flags,
            ],
        )
        process.wait_until(lambda: _is_ready(address), "Prometheus is ready", 60)
        yield address
    finally:
        # Nothing it holds is worth a slow, orderly end.
        end_all(home.name)
        shutil.rmtree(home, ignore_errors=True)
        reaper.dismiss()


def write_configuration(
    folder: Path,
    targets: Targets,
    *,
    scrape_interval: str = "1s",
    labels: Mapping[str, str] | None = None,
    rules: Mapping[str, Any] | None = None,
) -> Path:
    """Write what `running_prometheus` in this folder reads, and return the file."""
    jobs = [
        {
            "job_name": job,
            # Some exporters stamp their samples with a clock of their own.
            "honor_timestamps": False,
            "static_configs": [{"targets": list(addresses), "labels": dict(labels or {})}],
        }
        for job, addresses in targets.items()
    ]
    timing = {
        "scrape_interval": scrape_interval,
        "scrape_timeout": scrape_interval,
        "evaluation_interval": scrape_interval,
    }
    document: dict[str, Any] = {"global": timing, "scrape_configs": jobs}
    if rules is not None:
        (folder / "rules.yaml").write_text(yaml.safe_dump(dict(rules)))
        document["rule_files"] = [str(folder / "rules.yaml")]
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def _is_ready(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/-/ready", timeout=2).close()
    except OSError:
        return False
    return True
