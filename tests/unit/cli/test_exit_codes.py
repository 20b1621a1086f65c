"""What a script learns from an error, and what options amount to."""

import pytest

from ugrpy.cli import exit_code
from ugrpy.cli.options import configuration
from ugrpy.core.errors import (
    BadRequest,
    ConfigError,
    DataError,
    DepthRefused,
    Forbidden,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    TimedOut,
    UgrError,
    Unavailable,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x"), 1),
        (BadRequest("x"), 2),
        (MethodNotAllowed("x", allowed=()), 2),
        (PreconditionFailed("x"), 2),
        (Unavailable("x"), 75),
        (Unavailable("x", status=502), 75),
        (TimedOut("x"), 75),
        (DataError("x"), 75),
        (UgrError("x"), 75),
        (Forbidden("x"), 77),
        (DepthRefused("x"), 77),
        (ConfigError("x"), 78),
    ],
)
def test_exit_codes(error, code):
    assert exit_code(error) == code


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in ("UGRPY_SERVICE__ADMIN", "UGRPY_CACHE__TTL_S"):
        monkeypatch.delenv(name, raising=False)


def test_options_win_over_the_environment_and_that_over_files(tmp_path, monkeypatch):
    file = tmp_path / "site.toml"
    file.write_text(
        '[service]\nworkers = 2\nlog_level = "error"\n[cache]\nttl_s = 10\n'
        '[endpoints.a]\nurl = "http://a.example"\n'
    )
    monkeypatch.setenv("UGRPY_CACHE__TTL_S", "20")
    monkeypatch.setenv("UGRPY_SERVICE__WORKERS", "3")
    settings = configuration(
        [file],
        ["b=http://b.example/x"],
        ["b=48.5,-123.4", "a=0,0"],
        None,
        {"workers": 4, "listen": None},
    )
    assert settings.service.workers == 4
    assert settings.service.log_level == "error"
    assert settings.cache.ttl_s == 20
    a, b = settings.endpoints
    assert (a.name, a.url, b.name, b.url) == ("a", "http://a.example", "b", "http://b.example/x")
    assert (a.location, b.location) != (None, None)
    assert b.location is not None
    assert (b.location.latitude_deg, b.location.longitude_deg) == (48.5, -123.4)


def test_a_url_may_hold_equal_signs():
    settings = configuration(None, ["a=http://a.example/x=y"], None, None)
    assert [one.url for one in settings.endpoints] == ["http://a.example/x=y"]
