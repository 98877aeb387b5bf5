from datetime import timedelta

import pytest
from pydantic import ValidationError

from homeostat.act.http_calls import Allowed
from homeostat.app.settings import Settings


def test_defaults_are_safe():
    settings = Settings()
    assert settings.default_source() is None
    assert settings.known_good_after == timedelta(minutes=10)
    assert settings.allowed_calls() == Allowed()


def test_environment(monkeypatch):
    monkeypatch.setenv("HOMEOSTAT_PROMETHEUS_URL", "http://prometheus:9090")
    monkeypatch.setenv("HOMEOSTAT_PROMETHEUS_SCRAPE_INTERVAL", "1s")
    monkeypatch.setenv("HOMEOSTAT_KNOWN_GOOD_AFTER", "1m30s")
    settings = Settings()
    assert settings.known_good_after == timedelta(seconds=90)
    source = settings.default_source()
    assert source is not None
    assert (source.stamp.name, source.spec.url, source.spec.scrape_interval) == (
        "default",
        "http://prometheus:9090",
        "1s",
    )
    other = Settings(prometheus_url="http://other").default_source()
    assert other is not None
    assert other.spec.url == "http://other"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOMEOSTAT_PROMETHEUS_URL", "http://user:secret@prometheus"),
        ("HOMEOSTAT_PROMETHEUS_URL", "prometheus:9090"),
        ("HOMEOSTAT_PROMETHEUS_SCRAPE_INTERVAL", "soon"),
        ("HOMEOSTAT_KNOWN_GOOD_AFTER", "soon"),
        ("HOMEOSTAT_REDECIDE_EVERY", "0s"),
        ("HOMEOSTAT_HEALTH_PORT", "70000"),
        ("HOMEOSTAT_LOG_FORMAT", "xml"),
        ("HOMEOSTAT_HTTP_ORIGINS", '["oss.example.com"]'),
        ("HOMEOSTAT_HTTP_ORIGINS", '["https://oss.example.com/path"]'),
        ("HOMEOSTAT_HTTP_NETWORKS", '["10.0.0.1/8"]'),
    ],
)
def test_wrong_values_are_refused_at_the_start(monkeypatch, name, value):
    monkeypatch.setenv("HOMEOSTAT_PROMETHEUS_URL", "http://prometheus")
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()
