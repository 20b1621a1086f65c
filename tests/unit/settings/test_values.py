"""How single settings are written that more than one service has, as tables."""

import pytest

from ugrpy.core.listen import Listen, UnixSocket
from ugrpy.settings.values import parse_admin, parse_listen, parse_url, suggest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", Listen("127.0.0.1", 8080)),
        ("[::1]:0", Listen("::1", 0)),
        ("localhost:65535", Listen("localhost", 65535)),
    ],
)
def test_listen(text, expected):
    assert parse_listen(text) == expected
    assert parse_listen(expected) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    "text", ["127.0.0.1", ":8080", "::1:8080", "[x]:80", "a:65536", "a b:1", "", 8080, None]
)
def test_no_listen_address(text):
    with pytest.raises(ValueError, match="expected"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("127.8.9.1:81", Listen("127.8.9.1", 81)),
        ("[::1]:81", Listen("::1", 81)),
        ("localhost:81", Listen("localhost", 81)),
        ("unix:/run/ugrpy/admin.sock", UnixSocket("/run/ugrpy/admin.sock")),
    ],
)
def test_admin(text, expected):
    assert parse_admin(text) == expected
    assert expected is None or str(expected) == text


@pytest.mark.parametrize(
    "text", ["0.0.0.0:81", "[::]:81", "gateway.example:81", "unix:admin.sock", "unix:", 81]
)
def test_the_admin_listener_stays_on_this_machine(text):
    with pytest.raises(ValueError, match="expected"):
        parse_admin(text)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", True),
        ("0.0.0.0:80", "127.0.0.1:80", True),
        ("127.0.0.1:80", "[::]:80", True),
        ("127.0.0.1:80", "127.0.0.2:80", False),
        ("127.0.0.1:80", "127.0.0.1:81", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
def test_clashes(one, other, clash):
    assert parse_listen(one).clashes_with(parse_listen(other)) is clash
    assert parse_listen(other).clashes_with(parse_listen(one)) is clash


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://Shoal.example/api/", "http://shoal.example/api"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_url(text, expected):
    assert parse_url(text) == expected
    assert parse_url(expected) == expected


def test_a_service_may_speak_other_schemes():
    schemes = {"amqp": "amqp", "amqps": "amqps"}
    assert parse_url("amqp://broker.example:5672/", schemes) == "amqp://broker.example:5672"
    with pytest.raises(ValueError, match="expected a URL with amqp or amqps, got 'http://b'"):
        parse_url("http://b", schemes)
    with pytest.raises(ValueError, match="expected a URL with http or https, got 'davs://b'"):
        parse_url("davs://b")
    with pytest.raises(ValueError, match="expected a URL with amqp, got 'b'"):
        parse_url("b", {"amqp": "amqp"})


def test_a_near_miss_or_all_there_is():
    assert suggest("squd", ["squid", "varnish"]) == "did you mean 'squid'?"
    assert suggest("zzz", ["varnish", "squid"]) == "known: squid, varnish"
