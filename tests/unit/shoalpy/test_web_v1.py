"""Version 1 answers have the shape that old clients read with regular expressions."""

import json
import random
import re

import pytest

from shoalpy.model import Cache, CacheType, Health, Upstream
from shoalpy.nearest import NOBODY, Caller, Nearest
from shoalpy.ranking import CostPolicy, Wish
from shoalpy.registry import Registry, RegistryPolicy
from shoalpy.web import v1 as module
from shoalpy.web.v1 import EVERYTHING, V1, parse_path
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, VANCOUVER, add, beat, facts
from ugrpy.locality import Place

SQUIDS = frozenset({CacheType.SQUID})
ALL = frozenset(CacheType)
SWISS = Caller(Place(GENEVA), 513)


def in_network(caller: Caller, cache: Cache) -> bool:
    return caller.network is not None and caller.network == cache.facts.place.asn


def make(registry: Registry, *, hide_private: bool = False) -> V1:
    policy = CostPolicy()
    draw = random.Random(1).random
    near = Nearest(registry, policy, same_network=in_network, draw=draw)
    return V1(registry, near, policy, hide_private=hide_private)


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/nearest", Wish(SQUIDS, None, 5)),
        ("/nearest/", Wish(SQUIDS, None, 5)),
        ("/nearest/2", Wish(SQUIDS, None, 2)),
        ("/nearest2", Wish(SQUIDS, None, 2)),
        ("/nearest/2/", Wish(SQUIDS, None, 2)),
        ("//nearest//2", Wish(SQUIDS, None, 2)),
        ("/nearest/100", Wish(SQUIDS, None, 100)),
        ("/nearest/0", Wish(SQUIDS, None, 0)),
        ("/nearestverified/3", Wish(SQUIDS, None, 3)),
        ("/nearestcvmfs", Wish(ALL, Upstream.CVMFS, 5)),
        ("/nearestconditions/7", Wish(ALL, Upstream.FRONTIER, 7)),
        ("/all", EVERYTHING),
        ("/all/3", EVERYTHING),
        ("/nearest/-1", None),
        ("/nearest/abc", None),
        ("/nearest/1/2", None),
        ("/nearest/" + "9" * 5000, None),
        ("/nearest/\N{ARABIC-INDIC DIGIT TWO}", None),
        ("/nearestbest", None),
        ("/external", None),
        ("/", None),
        ("", None),
    ],
)
def test_paths(path, wish):
    assert parse_path(path) == wish


def test_an_entry_has_the_fields_in_the_order_and_spacing_of_old():
    registry = Registry()
    add(
        registry,
        beat("a", public="192.0.2.2", private="10.0.0.7", port=18212, port_as_text=True),
        facts(VANCOUVER, asn=513, city="Vancouver"),
    )

    text = make(registry).nearest(SWISS, Wish(), NOW).decode()

    cost = json.loads(text)["0"]["distance"]
    assert 0 < cost < 1
    assert text == (
        '{"0": {"created": 1795365733.0, "last_active": 1795365733.0, "hostname": "a.example.org", '
        '"squid_port": "18212", "public_ip": "192.0.2.2", "private_ip": "10.0.0.7", "external_ip": null, '
        '"geo_data": {"city": "Vancouver", "region_code": null, "time_zone": null, "metro_code": null, '
        '"latitude": 49.26, "longitude": -123.11, "postal_code": null, "country_code": null, '
        '"country_name": null, "continent": "EU"}, "load": 0.0, "verified": true, "global_access": true, '
        '"max_load": 122000, "local": true, "cache_type": "squid", "upstream": "both", '
        f'"distance": {cost!r}}}}}'
    )


def test_the_keys_are_the_ranks():
    registry = Registry()
    add(registry, beat("far", public="192.0.2.1"), facts(VANCOUVER))
    add(registry, beat("near", public="192.0.2.2"), facts(GENEVA))
    add(registry, beat("between", public="192.0.2.3"), facts(BATAVIA))

    found = json.loads(make(registry).nearest(SWISS, Wish(), NOW))

    assert list(found) == ["0", "1", "2"]
    assert [found[key]["hostname"] for key in found] == [
        "near.example.org",
        "between.example.org",
        "far.example.org",
    ]
    costs = [found[key]["distance"] for key in found]
    assert costs == sorted(costs)


@pytest.mark.parametrize("count", [0, 5])
def test_null_when_there_is_nothing_to_tell(count):
    registry = Registry()
    if count == 0:
        add(registry, beat("a"))

    assert make(registry).nearest(SWISS, Wish(count=count), NOW) == b"null"
    assert make(Registry()).everything(NOBODY, NOW).body == b"null"


def test_kinds_and_upstreams():
    registry = Registry()
    for number, (kind, upstream) in enumerate(
        (kind, upstream) for kind in CacheType for upstream in Upstream
    ):
        add(registry, beat(f"{kind}-{upstream}", kind=kind, upstream=upstream, port=100 + number))
    v1 = make(registry)

    def names(path: str) -> set[str]:
        wish = parse_path(path)
        assert isinstance(wish, Wish)
        return {
            entry["hostname"].removesuffix(".example.org")
            for entry in json.loads(v1.nearest(SWISS, wish, NOW)).values()
        }

    assert names("/nearest/9") == {"squid-both", "squid-cvmfs", "squid-frontier"}
    assert names("/nearestverified/9") == names("/nearest/9")
    assert names("/nearestcvmfs/9") == {
        *("squid-both", "squid-cvmfs", "varnish-both", "varnish-cvmfs")
    }
    assert names("/nearestconditions/9") == {
        *("squid-both", "squid-frontier", "varnish-both", "varnish-frontier")
    }


def test_all_lists_the_private_and_the_unverified_without_distance():
    registry = Registry()
    add(registry, beat("good", public="192.0.2.1"))
    add(registry, beat("failed", public="192.0.2.2"), health=Health.FAILED)
    add(registry, beat("inside", public=None, private="10.0.0.1"), health=Health.PENDING)

    found = json.loads(make(registry).everything(SWISS, NOW).body)

    assert [found[key]["hostname"].partition(".")[0] for key in ("0", "1", "2")] == [
        "good",
        "failed",
        "inside",
    ]
    assert [found[key]["verified"] for key in found] == [True, False, False]
    assert all("distance" not in entry and entry["local"] is None for entry in found.values())


def test_all_is_made_anew_when_a_cache_comes_changes_or_expires():
    registry = Registry(RegistryPolicy(inactive_s=180))
    add(registry, beat("a"))
    v1 = make(registry)
    first = v1.everything(SWISS, NOW)
    assert v1.everything(NOBODY, NOW + 100) is first

    registry.apply(beat("a", load=7.0, sent_at_s=NOW + 100), facts(GENEVA), NOW + 100)
    second = v1.everything(SWISS, NOW + 100)
    assert json.loads(second.body)["0"]["load"] == 7.0

    assert v1.everything(SWISS, NOW + 279.9) is second
    assert v1.everything(SWISS, NOW + 280).body == b"null"


def test_private_addresses_of_foreign_networks_can_be_hidden():
    registry = Registry()
    add(registry, beat("mine", private="10.0.0.1", public="192.0.2.1"), facts(GENEVA, asn=513))
    add(registry, beat("other", private="10.0.0.2", public="192.0.2.2"), facts(GENEVA, asn=7))

    def told(body: bytes) -> dict[str, tuple[str | None, bool | None]]:
        entries = json.loads(body).values()
        return {e["hostname"][:4]: (e["private_ip"], e["local"]) for e in entries}

    open_, hiding = make(registry), make(registry, hide_private=True)
    wish = Wish()

    assert told(open_.nearest(SWISS, wish, NOW)) == {
        "mine": ("10.0.0.1", True),
        "othe": ("10.0.0.2", None),
    }
    assert told(hiding.nearest(SWISS, wish, NOW)) == {
        "mine": ("10.0.0.1", True),
        "othe": (None, None),
    }
    assert told(hiding.everything(SWISS, NOW).body) == {
        "mine": ("10.0.0.1", None),
        "othe": (None, None),
    }
    assert told(hiding.everything(NOBODY, NOW).body) == {"mine": (None, None), "othe": (None, None)}
    assert told(open_.everything(NOBODY, NOW).body)["mine"] == ("10.0.0.1", None)
    assert hiding.everything(SWISS, NOW).cache_control == "private, no-cache"


def test_texts_of_caches_that_have_gone_are_let_go():
    registry = Registry()
    v1 = make(registry)
    for number in range(1000):
        add(registry, beat(f"c{number}", port=1 + number))
        v1.nearest(SWISS, Wish(count=1), NOW)
        registry.goodbye(f"c{number}", "")

    assert len(v1._texts) <= 68


AWKWARD = '", "load": 7, "last_active": 8, "x": "'
HEARTBEATS = {
    "a new load": {"load": 12.5},
    "a load like any other text": {"load": 1e9},
    "the same again": {},
    "another port": {"port": 9},
    "a port as text": {"port_as_text": True},
    "another capacity": {"max_load": 5.0},
    "another private address": {"private": "10.0.0.9"},
}


@pytest.mark.parametrize("hide_private", [False, True])
@pytest.mark.parametrize("said", HEARTBEATS.values(), ids=HEARTBEATS)
def test_what_is_told_after_a_heartbeat_is_what_is_told_of_it_anew(said, hide_private):
    registry = Registry()
    where = facts(GENEVA, asn=513, city=AWKWARD)
    add(registry, beat("a", private="10.0.0.1"), where)
    v1 = make(registry, hide_private=hide_private)
    told = [(caller, wish) for caller in (NOBODY, SWISS) for wish in (Wish(), None)]

    def all_told(by: V1, now_s: float) -> list[bytes]:
        return [
            by.everything(caller, now_s).body if wish is None else by.nearest(caller, wish, now_s)
            for caller, wish in told
        ]

    all_told(v1, NOW)
    for turn in (1, 2, 3):
        now_s = NOW + turn * 0.7
        more = {"private": "10.0.0.1", **said}
        if "load" in said:
            more["load"] = said["load"] + turn
        registry.apply(beat("a", sent_at_s=now_s, **more), where, now_s)
        if turn == 3:
            add(registry, beat("a", sent_at_s=now_s, **more), where, now_s=now_s, health=Health.FAILED)  # fmt: skip

        assert all_told(v1, now_s) == all_told(make(registry, hide_private=hide_private), now_s)


def test_a_heartbeat_that_brings_a_load_renders_nothing(monkeypatch):
    registry = Registry()
    where = facts(GENEVA, city=AWKWARD)
    add(registry, beat("a"), where)
    v1 = make(registry)
    v1.nearest(SWISS, Wish(), NOW)
    monkeypatch.setattr(module, "render_v1", None)

    registry.apply(beat("a", load=81.0), where, NOW + 1)

    entry = json.loads(v1.nearest(SWISS, Wish(), NOW + 1))["0"]
    assert (entry["load"], entry["last_active"]) == (81.0, NOW + 1)
    assert entry["geo_data"]["city"] == AWKWARD


def test_old_clients_expressions_find_what_they_look_for():
    """They cut at ``", "`` and ``": "``, so a separator without its blank would be the end of them."""
    registry = Registry()
    add(registry, beat("a"))
    text = make(registry).nearest(SWISS, Wish(), NOW).decode()

    assert re.search(r'"hostname": "([^"]*)"', text)
    assert re.search(r'"squid_port": (\d+),', text)
    assert not re.search(r'[,:]"', text)
