"""Build the one image of the demo without Docker: Debian packages in a docker-archive tar.

The image holds packages only. What we wrote ourselves (kamailio.cfg, the agent, SIPp scenarios, prometheus.yml)
reaches the pods by ConfigMaps, so an edit of those needs no build. The Dockerfile beside this file gives the
same image to people who have Docker.
"""

import hashlib
import json
import os
import re
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from hack.cluster.packages import ensure

IMAGE = "localhost/homeostat-demo:1"
TYPICAL_SECONDS = 90

_DOCKERFILE = Path(__file__).with_name("Dockerfile")
_RECIPE = "3"  # raise it when the way of building changes
_MILESTONES = (
    (re.compile(r"running apt-get update"), "reading package lists"),
    (re.compile(r"downloading packages"), "downloading packages"),
    (re.compile(r"extracting archives"), "unpacking the base system"),
    (re.compile(r"installing remaining packages"), "installing kamailio, sipp and prometheus"),
    (re.compile(r"creating tarball"), "packing"),
)


class ImageError(RuntimeError):
    """The image cannot be built here; the text says what to do."""


def packages() -> list[str]:
    """Return the packages that the Dockerfile installs: one list for both ways of building."""
    found = re.search(r"--no-install-recommends(.*?)&&", _DOCKERFILE.read_text(), re.DOTALL)
    if not found:
        raise ImageError(f"no package list in {_DOCKERFILE}")
    return found[1].replace("\\", " ").split()


def left_out() -> list[str]:
    """Return the paths that no package brings along."""
    return re.findall(r"'(/usr/[^']+)'", _DOCKERFILE.read_text())


def archive_path() -> Path:
    """Where the archive for the present inputs is, or will be."""
    inputs = json.dumps([_RECIPE, IMAGE, _codename(), _architecture(), packages(), left_out()])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "homeostat" / "images"
    return cache / f"{hashlib.sha256(inputs.encode()).hexdigest()[:16]}.tar"


def build_image(progress: Callable[[str], None]) -> Path:
    """Return the image as a docker-archive tar, built once per set of inputs.

    Load it by `ctr -n k8s.io images import FILE` or `kind load image-archive FILE`.
    """
    archive = archive_path()
    if archive.exists():
        return archive
    _require_host(progress)
    archive.parent.mkdir(parents=True, exist_ok=True)
    progress(f"building {IMAGE} from {len(packages())} packages, about {TYPICAL_SECONDS} s")
    started = time.monotonic()
    with _scratch(archive.parent) as scratch:
        layer = scratch / "layer.tar"
        _bootstrap(layer, lambda text: progress(f"  {time.monotonic() - started:3.0f} s  {text}"))
        _pack(layer, scratch / "image.tar")
        (scratch / "image.tar").rename(archive)  # whoever sees the file sees all of it
    progress(f"built {archive} in {time.monotonic() - started:.0f} s")
    return archive


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".build-", dir=parent) as folder:
        yield Path(folder)


def _require_host(progress: Callable[[str], None]) -> None:
    if os.geteuid() != 0:
        raise ImageError(
            f"building the image without Docker needs root; with Docker: docker build -t {IMAGE} {_DOCKERFILE.parent}"
        )
    ensure({"mmdebstrap": "mmdebstrap"}, "building the image without Docker", progress)


def _bootstrap(layer: Path, step: Callable[[str], None]) -> None:
    command = ["mmdebstrap", "--mode=root", "--variant=essential", "--format=tar", f"--include={','.join(packages())}"]
    command += [f"--dpkgopt=path-exclude={path}" for path in left_out()]
    command += [f"--aptopt={option}" for option in _host_proxies()]
    command += [_codename(), str(layer), *_host_sources(_codename())]
    log: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="homeostat-image-") as scratch,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "TMPDIR": scratch, "SOURCE_DATE_EPOCH": "1"},
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.append(line)
            for pattern, text in _MILESTONES:
                if pattern.search(line):
                    step(text)
    if process.returncode != 0:
        raise ImageError("mmdebstrap failed:\n" + "".join(log[-20:]))


def _pack(layer: Path, image: Path) -> None:
    with layer.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    config = json.dumps(
        {
            "architecture": _architecture(),
            "os": "linux",
            "config": {"Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"], "Cmd": ["bash"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        }
    ).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [IMAGE], "Layers": [f"{digest}/layer.tar"]}]).encode()
    with tarfile.open(image, "w") as archive:
        for name, content in ((config_name, config), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, BytesIO(content))
        archive.add(layer, f"{digest}/layer.tar")


def _codename() -> str:
    """Return the release that the image is made of; fixed, so that every host builds the same image."""
    found = re.search(r"^FROM debian:(\w+)", _DOCKERFILE.read_text(), re.MULTILINE)
    if not found:
        raise ImageError(f"no Debian release in {_DOCKERFILE}")
    return found[1]


def _architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _host_proxies() -> list[str]:
    dump = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True)
    return [line for line in dump.stdout.splitlines() if "Proxy" in line or "Retries" in line]


def _host_sources(codename: str, folder: Path = Path("/etc/apt")) -> list[str]:
    """Return the host's own sources of the release, so that its mirror and keys are used and none is written here."""
    sources: list[str] = []
    for path in [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]:
        if path.exists():
            sources += [line for line in path.read_text().splitlines() if line.startswith("deb ")]
    for path in sorted((folder / "sources.list.d").glob("*.sources")):
        sources += _one_line_style(path.read_text())
    wanted = [source for source in sources if re.search(rf"\s{codename}(-updates|-security)?\s", source)]
    if not wanted:
        raise ImageError(f"this host's apt knows no source for Debian {codename}; add one, or use the Dockerfile")
    return wanted


def _one_line_style(text: str) -> list[str]:
    lines: list[str] = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^(\w[\w-]*):[ \t]*(.*)$", stanza, re.MULTILINE))
        if "deb" not in fields.get("Types", "").split() or fields.get("Enabled") == "no":
            continue
        key = f"[signed-by={fields['Signed-By']}] " if fields.get("Signed-By") else ""
        lines += [
            f"deb {key}{uri} {suite} {fields.get('Components', '')}"
            for uri in fields.get("URIs", "").split()
            for suite in fields.get("Suites", "").split()
        ]
    return lines
