"""What can be set about the shared store, and what cannot."""

import pytest

from tests.unit.federation.world import holding, mounted
from ugrpy.cache.entries import CachePolicy
from ugrpy.core.meter import NullMeter
from ugrpy.federation.members import Members
from ugrpy.federation.sharing import fingerprint
from ugrpy.namespace.paths import Mount
from ugrpy.shared.opening import Self, open_shards, open_stores
from ugrpy.shared.settings import SharedSettings, parse_server, parse_store_url
from ugrpy.testing import FakeClock
from ugrpy.wiring.sharing import outliving


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "rediss://u:p@h:6379/1",
        "valkey://h:6379",
        "valkeys://h",
        "unix:///run/v.sock",
        "",
    ],
)
def test_urls_of_stores(url):
    assert parse_store_url(url) == url


@pytest.mark.parametrize("url", ["h:6379", "http://h", "valkey:h", "valkey://"])
def test_other_urls_are_refused(url):
    with pytest.raises(ValueError, match="valkey://"):
        parse_store_url(url)


@pytest.mark.parametrize(
    ("text", "server"),
    [("h", ("h", 11211)), ("10.0.0.1:7", ("10.0.0.1", 7)), ("[::1]:11211", ("::1", 11211))],
)
def test_servers(text, server):
    assert parse_server(text) == server


@pytest.mark.parametrize("text", ["", "h:", "h:x", "h:0", "h:65536", "a b", "memcached://h"])
def test_what_is_no_server_is_refused(text):
    with pytest.raises(ValueError, match="host with a port"):
        parse_server(text)


def test_nothing_is_shared_unless_a_store_is_named():
    assert not SharedSettings().is_on
    assert open_stores(SharedSettings()) == {}


def test_stores_have_names_without_secrets():
    names = [
        *open_stores(SharedSettings(url="valkeys://u:secret@h:7/1")),
        *open_stores(SharedSettings(url="unix:///run/v.sock")),
        *open_stores(SharedSettings(memcached=("b:1", "a", "b:1"))),
    ]
    assert names == ["h:7", "/run/v.sock", "b:1", "a:11211"]


def test_each_store_is_a_shard():
    settings = SharedSettings(memcached=("a", "b"))
    shards = open_shards(
        settings,
        open_stores(settings),
        Self("h", "r", "h.0"),
        clock=FakeClock(),
        draw=lambda: 0.5,
        meter=NullMeter(),
    )
    assert [shard.name for shard in shards] == ["a:11211", "b:11211"]


def test_nobody_is_forgotten_while_what_he_made_wrong_is_remembered():
    settings = SharedSettings(forget_s=10.0, lease_s=5.0)
    assert outliving(settings, CachePolicy(ttl_s=300.0)).forget_s == 305.0
    assert outliving(settings, CachePolicy(ttl_s=1.0, listing_ttl_s=7200.0)).forget_s == 7205.0
    assert outliving(SharedSettings(), CachePolicy(ttl_s=300.0)).forget_s == 600.0


def test_other_endpoints_are_another_set_of_entries():
    one, two = holding("uvic"), holding("cern")
    marks = {
        fingerprint(Members(members))
        for members in (
            [mounted(one, Mount("/"))],
            [mounted(one, Mount("/a"))],
            [mounted(one, Mount("/")), mounted(two, Mount("/"))],
        )
    }
    assert len(marks) == 3
    there, back = (
        [mounted(one, Mount("/")), mounted(two, Mount("/"))],
        [
            mounted(two, Mount("/")),
            mounted(one, Mount("/")),
        ],
    )
    assert fingerprint(Members(there)) == fingerprint(Members(back))
