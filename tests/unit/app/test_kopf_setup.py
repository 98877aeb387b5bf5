import asyncio
import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml

from homeostat.app.kopf_setup import kopf_settings, register_login


def test_settings_bound_every_wait_and_write_nothing():
    settings = kopf_settings(timedelta(seconds=10))
    assert settings.posting.enabled is False
    assert settings.peering.standalone is True
    assert settings.queueing.worker_limit is None
    assert settings.watching.server_timeout == 600
    assert settings.networking.request_timeout == 30
    assert settings.process.ultimate_exiting_timeout == 30
    assert "kopf" not in settings.persistence.finalizer


def login(kubeconfig: Path | None) -> kopf.ConnectionInfo:
    registry = kopf.OperatorRegistry()
    register_login(registry, kubeconfig, timedelta(minutes=10))
    (handler,) = registry._activities.get_all_handlers()
    called: Any = handler.fn
    info: kopf.ConnectionInfo = asyncio.run(called(settings=kopf.OperatorSettings(), logger=None))
    return info


@pytest.fixture
def kubeconfig(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")

    def write(user):
        path = tmp_path / "config"
        content = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": user}],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.mark.parametrize(
    "user", [{"token": "t"}, {"client-certificate-data": base64.b64encode(b"c").decode(), "client-key-data": "aw=="}]
)
def test_login_is_by_the_named_kubeconfig_even_inside_a_pod(kubeconfig, user):
    info = login(kubeconfig(user))
    assert info.server == "https://127.0.0.1:1"
    assert info.expiration is not None
    left = info.expiration - datetime.now(UTC)
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


def test_intake_reads_as_whom_the_kubeconfig_names(kubeconfig):
    info = login(kubeconfig({"token": "t", "as": "homeostat", "as-groups": ["operators"]}))
    assert info.as_http_headers() == {
        "Authorization": "Bearer t",
        "Impersonate-User": "homeostat",
        "Impersonate-Group": "operators",
    }
    assert info.expiration is not None


def test_an_identity_that_cannot_be_taken_is_refused(kubeconfig):
    with pytest.raises(kopf.LoginError, match="several groups"):
        login(kubeconfig({"token": "t", "as": "homeostat", "as-groups": ["a", "b"]}))


def test_kubeconfig_without_credentials_is_refused(kubeconfig):
    with pytest.raises(kopf.LoginError, match="neither token nor certificate"):
        login(kubeconfig({"exec": {"command": "x"}}))


def test_no_pod_and_no_kubeconfig_is_refused():
    with pytest.raises(kopf.LoginError, match="name a kubeconfig"):
        login(None)
