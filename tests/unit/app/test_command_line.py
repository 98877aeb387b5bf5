import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homeostat import __version__
from homeostat.__main__ import application

ROOT = Path(__file__).parents[3]


def test_version_is_that_of_the_package():
    assert CliRunner().invoke(application, ["version"]).stdout.strip() == __version__
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--kubeconfig=/nonexistent"], "there is no kubeconfig"),
        (["run"], "no cluster is given"),
        (["run", "--kubeconfig={existing}", "--prometheus-url=nonsense"], "a setting is wrong"),
        (["run", "--kubeconfig={existing}", "--log-format=xml"], "a setting is wrong"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(tmp_path, monkeypatch, arguments, words):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("COLUMNS", "300")
    existing = tmp_path / "config"
    existing.touch()
    result = CliRunner().invoke(application, [a.format(existing=existing) for a in arguments])
    assert result.exit_code == 2
    assert words in result.stderr
