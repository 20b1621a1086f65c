"""The files of sites: read, written again the same, one bad squid never spoiling the others."""

import json
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoalpy.model import Cache, CacheType, Health
from shoalpy.proxylist import Proxy, Special
from shoalpy.registry import Registry
from shoalpy.wpad.sites import (
    BadSiteFile,
    Entry,
    ShoalSquid,
    Site,
    parse_shoal_squids,
    parse_worker_proxies,
    render_shoal_squids,
    render_worker_proxies,
    shoal_squids_of,
)
from tests.unit.shoalpy.tracked import GENEVA, NOW, add, beat, facts

SITE_A: dict[str, Any] = {
    "ips": {
        "squid.a.example": ["192.0.2.7", "2001:db8::7"],
        "other.a.example": ["192.0.2.8"],
    },
    "names": ["SITE-A"],
    "cmsnames": ["T2_A"],
    "source": "wlcg",
    "proxies": [
        {"ipranges": ["192.0.2.64/26"], "names": ["CLOUD-A"], "default": ["c.a.example:80"]},
        {"frontier": ["f.a.example", "DIRECT"]},
        {"default": ["squid.a.example:3128", "[2001:db8::7]:3128"], "loadbalance": "proxies"},
    ],
}
READ_A = Site(
    "squid.a.example",
    (ip_address("192.0.2.7"), ip_address("2001:db8::7")),
    (
        Entry(
            {"default": (Proxy("c.a.example", 80),)},
            (ip_network("192.0.2.64/26"),),
            ("CLOUD-A",),
        ),
        Entry({"frontier": (Proxy("f.a.example", 3128), Special.DIRECT)}),
        Entry(
            {"default": (Proxy("squid.a.example", 3128), Proxy("2001:db8::7", 3128))}, balance=True
        ),
    ),
    ("SITE-A",),
    ("T2_A",),
)


def test_a_registered_squid():
    found = parse_worker_proxies(json.dumps({"squid.a.example": SITE_A}))
    assert found.found == (READ_A,)
    assert found.problems == ()


def test_a_squid_without_proxies_is_its_own():
    text = json.dumps({"s.example": {"ips": {"s.example": ["192.0.2.9"]}, "disabled": "moved"}})
    (site,) = parse_worker_proxies(text).found
    assert site.entries == (Entry({"default": (Proxy("s.example", 3128),)}),)
    assert site.disabled == "moved"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"ips": {}}, "no address"),
        ({"ips": {"squid.a.example": []}}, "no address"),
        ({"ips": {"squid.a.example": ["x"]}}, "expected an address"),
        ({"ips": {"squid.a.example": ["fe80::1%eth0"]}}, "expected an address"),
        ({"ips": []}, "expected an object"),
        ({"names": "SITE-A"}, "expected a list"),
        ({"names": [7]}, "expected text"),
        ({"disabled": True}, "expected text"),
        ({"proxies": {}}, "expected a list"),
        ({"proxies": [7]}, "expected an object"),
        ({"proxies": [{"default": ['a";evil()']}]}, "found"),
        ({"proxies": [{"default": ["a.example"], "ipranges": ["x"]}]}, "x"),
    ],
)
def test_a_bad_squid_is_left_out_and_named(changed, why):
    text = json.dumps(
        {
            "bad.example": SITE_A | changed,
            "squid.a.example": SITE_A | changed,
            "good": {"ips": {"good": ["192.0.2.1"]}},
        }
    )
    found = parse_worker_proxies(text)
    assert [site.squid for site in found.found] == ["good"]
    assert why in found.problems[1]
    assert found.problems[1].startswith("'squid.a.example': ")


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "[" * 100_000])
@pytest.mark.parametrize("parse", [parse_worker_proxies, parse_shoal_squids])
def test_a_file_that_is_none(parse, text):
    with pytest.raises(BadSiteFile):
        parse(text)


def test_what_is_read_is_written_again():
    text = render_worker_proxies([READ_A])
    assert parse_worker_proxies(text).found == (READ_A,)
    written = json.loads(text)["squid.a.example"]
    assert written["proxies"] == [
        {**SITE_A["proxies"][0]},
        {"frontier": ["f.a.example:3128", "DIRECT"]},
        SITE_A["proxies"][2],
    ]
    assert written["names"] == ["SITE-A"]


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ips", "proxies", "default", "public_ip", "private_ip", "names", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), _json, max_size=4))
def test_no_json_is_trouble(said):
    text = json.dumps(said)
    for found in (parse_worker_proxies(text), parse_shoal_squids(text)):
        assert len(found.found) + len(found.problems) == len(said)


def test_squids_that_registered_themselves():
    text = json.dumps(
        {
            "one": {"public_ip": "198.51.100.7", "city": "Victoria", "country_code": "CA"},
            "two": {"public_ip": "198.51.100.8", "private_ip": "10.0.0.8", "country_code": "CA"},
            "bad": {"private_ip": "10.0.0.8"},
        }
    )
    found = parse_shoal_squids(text)
    assert found.found == (
        ShoalSquid("one", ip_address("198.51.100.7"), Proxy("198.51.100.7", 3128), "Victoria.CA"),
        ShoalSquid("two", ip_address("198.51.100.8"), Proxy("10.0.0.8", 3128), "CA"),
    )
    assert found.problems == ("'bad': expected an address, found ''",)


def tracked() -> list[Cache]:
    registry = Registry()
    add(registry, beat("a", public="192.0.2.1", private="10.0.0.1"), facts(GENEVA, city="Geneva"))
    add(registry, beat("b", public="2001:db8::1"), facts(None))
    add(registry, beat("odd", public="192.0.2.3", port=8000), facts(GENEVA))
    add(registry, beat("failed", public="192.0.2.4"), health=Health.FAILED)
    add(registry, beat("varnish", public="192.0.2.5", kind=CacheType.VARNISH))
    add(registry, beat("inside", public=None, private="10.0.0.6"))
    return list(registry.live(NOW))


def test_tracked_caches_are_written_for_others():
    text = render_shoal_squids(tracked())
    assert json.loads(text) == {
        "a.example.org": {
            "public_ip": "192.0.2.1",
            "private_ip": "10.0.0.1",
            "city": "Geneva",
            "country_code": "CH",
        },
        "b.example.org": {"public_ip": "2001:db8::1"},
    }
    assert [one.hostname for one in parse_shoal_squids(text).found] == [
        "a.example.org",
        "b.example.org",
    ]


def test_tracked_caches_count_like_those_of_the_file():
    assert shoal_squids_of(tracked()) == (
        ShoalSquid("a.example.org", ip_address("192.0.2.1"), Proxy("10.0.0.1", 3128), "Geneva.CH"),
        ShoalSquid("b.example.org", ip_address("2001:db8::1"), Proxy("2001:db8::1", 3128)),
        ShoalSquid("odd.example.org", ip_address("192.0.2.3"), Proxy("192.0.2.3", 8000), "CH"),
    )
