"""Whom does the gateway stream for? A table of requests."""

from ipaddress import ip_address, ip_network

import pytest

from ugrpy.streaming import Asked, Direction, StreamingSettings, Way, streams, way

READ, WRITE = Direction.READ, Direction.WRITE
SETTINGS = StreamingSettings(
    paths=("/s", "/deep/er"),
    networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")),
    agents=("cadaver*", "*LITMUS/*", "one?"),
    max_at_once=2,
)


@pytest.mark.parametrize(
    ("path", "agent", "address", "expected"),
    [
        ("/s", "", None, True),
        ("/s/f", "curl/7", "192.0.2.1", True),
        ("/so", "", None, False),
        ("/deep", "", None, False),
        ("/deep/er/f", "", None, True),
        ("/", "", None, False),
        ("/f", "cadaver/0.24 neon", None, True),
        ("/f", "Cadaver", None, True),
        ("/f", "my cadaver", None, False),
        ("/f", "x litmus/0.13 y", None, True),
        ("/f", "one2", None, True),
        ("/f", "one22", None, False),
        ("/f", "", "10.1.2.3", True),
        ("/f", "", "11.1.2.3", False),
        ("/f", "", "2001:db8::1", True),
        ("/f", "", "2001:db9::1", False),
        ("/f", "", None, False),
    ],
)
def test_a_request_is_streamed_when_it_fits_any_list(path, agent, address, expected):
    at = None if address is None else ip_address(address)
    for direction in Direction:
        assert streams(SETTINGS, Asked(direction, path, agent, at)) is expected


@pytest.mark.parametrize("direction", Direction)
def test_only_the_methods_that_are_named(direction):
    settings = StreamingSettings(paths=("/",), methods=(direction,))
    assert [streams(settings, Asked(one, "/f")) for one in Direction] == [
        one is direction for one in Direction
    ]


def test_nobody_by_default():
    assert not StreamingSettings().is_on
    assert not streams(StreamingSettings(), Asked(READ, "/f", "cadaver", ip_address("10.0.0.1")))
    for settings in (
        StreamingSettings(paths=("/",)),
        StreamingSettings(agents=("*",)),
        StreamingSettings(networks=(ip_network("::/0"),)),
    ):
        assert settings.is_on


@pytest.mark.parametrize(
    ("asked", "has_room", "expected"),
    [
        (Asked(READ, "/f"), True, Way.REDIRECT),
        (Asked(READ, "/f"), False, Way.REDIRECT),
        (Asked(READ, "/s/f"), True, Way.STREAM),
        (Asked(READ, "/s/f"), False, Way.REDIRECT),
        (Asked(READ, "/f", "", ip_address("10.0.0.1")), False, Way.REDIRECT),
        (Asked(READ, "/f", "cadaver"), True, Way.STREAM),
        (Asked(READ, "/s/f", "cadaver"), False, Way.BUSY),
        (Asked(WRITE, "/s/f"), True, Way.STREAM),
        (Asked(WRITE, "/s/f"), False, Way.BUSY),
    ],
)
def test_what_becomes_of_too_many(asked, has_room, expected):
    assert way(SETTINGS, asked, has_room=has_room) is expected
