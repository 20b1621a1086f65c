"""Which script a caller gets: the scenarios of reference section 10.1, and the nearest caches."""

from ipaddress import ip_address, ip_network

import pytest

from shoalpy.model import Upstream
from shoalpy.pac import PacStyle
from shoalpy.proxylist import Proxy
from shoalpy.ranking import CostPolicy, Ranked, Wish, rank
from shoalpy.registry import Registry
from shoalpy.wpad.caches import groups_of, proxy_of
from shoalpy.wpad.directory import Directory
from shoalpy.wpad.policy import DestinationSettings, HostSettings, WpadPolicy
from shoalpy.wpad.rules import ANY_HOST, parse_destinations, parse_hosts
from shoalpy.wpad.service import PacAnswer, WpadRefusal, WpadRequest, WpadService
from shoalpy.wpad.sites import Entry, Site
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, add, beat, facts
from ugrpy.core.errors import ConfigError
from ugrpy.locality import Place

COSTS = CostPolicy()
A, B, C, F = (Proxy(f"{name}.example", 3128) for name in "abcf")
CALLER = ip_address("192.0.2.100")
CVMFS = DestinationSettings(
    name="cvmfs", globs=("*/cvmfs/*",), backups=("bc1.example", "bc2.example:80")
)
FRONTIER = DestinationSettings(name="frontier", globs=("*:8000/*",), backups=("bf.example",))
BOTH = DestinationSettings(name="both", globs=("cvmfs", "frontier"))
DESTINATIONS = (CVMFS, FRONTIER, BOTH)


def hosts(**lists):
    return tuple(
        HostSettings(name=name.replace("_", "."), proxies=tuple(items))
        for name, items in lists.items()
    )


def service(*, sites=(), registry=None, **policy):
    made = WpadService(WpadPolicy(**({"destinations": DESTINATIONS} | policy)), COSTS)
    names = {site.addresses[0]: "Site A" for site in sites}
    made.directory = Directory(sites, organisation_of=names.get)
    return made


def request(
    host="wpad.example", *, organisations=("Site A",), registry=None, address=CALLER, **more
):
    def nearest(upstream):
        caches = [] if registry is None else registry.live(NOW)
        return rank(
            caches,
            Place(GENEVA),
            Wish(upstream=upstream, count=20),
            COSTS,
            same_network=lambda _: False,
        )

    return WpadRequest(host, address, organisations, nearest, **more)


def script(*lines, comment=""):
    body = ["function FindProxyForURL(url, host) {", *(f"    {line}" for line in lines), "}"]
    return PacAnswer("\n".join([f"// {comment}"] * bool(comment) + body) + "\n")


def site(*entries, **more):
    return Site("squid.a.example", (ip_address("192.0.2.7"),), entries, **more)


PLAIN = site(Entry({"default": (A,)}), names=("SITE-A",), cms_names=("T2_A",))


# -- nearest caches -------------------------------------------------------------------------------


def tracked():
    registry = Registry()
    add(registry, beat("one", upstream=Upstream.CVMFS), facts(GENEVA))
    add(registry, beat("two", upstream=Upstream.CVMFS, public="192.0.2.2"), facts(GENEVA))
    add(registry, beat("far", upstream=Upstream.FRONTIER, public="192.0.2.3"), facts(BATAVIA))
    return registry


def test_without_any_rules_it_is_the_nearest_caches_and_direct():
    found = service(destinations=()).answer(request("whatever", registry=tracked()), NOW)
    one, two, far = (f"PROXY http://{name}.example.org:3128" for name in ("one", "two", "far"))
    assert found == script(
        "ran = Math.random();",
        f'if (ran < 1/2) return "{two}; {one}; {far}; DIRECT";',
        f'return "{one}; {two}; {far}; DIRECT";',
    )


def test_without_caches_it_is_direct():
    assert service(destinations=()).answer(request(), NOW) == script('return "DIRECT";')


def test_at_most_so_many_caches():
    registry = Registry()
    for number in range(14):
        add(registry, beat(f"c{number}", public=f"192.0.2.{number}", load=number * 5000.0))
    found = service(destinations=()).answer(request(registry=registry), NOW)
    assert isinstance(found, PacAnswer)
    assert found.text.count("PROXY") == 10
    assert found.text.index("c0.") < found.text.index("c9.")


def test_the_standard_style():
    made = service(destinations=(), style=PacStyle.STANDARD)
    registry = Registry()
    add(registry, beat("one"))
    assert made.answer(request(registry=registry), NOW) == script(
        'return "PROXY one.example.org:3128; DIRECT";'
    )


def test_urls_of_an_upstream_go_to_caches_that_front_it():
    destinations = (
        DestinationSettings(name="cvmfs", globs=("*/cvmfs/*",), upstream=Upstream.CVMFS),
        DestinationSettings(
            name="frontier", globs=("*:8000/*",), upstream=Upstream.FRONTIER, backups=("b.example",)
        ),
    )
    made = service(
        destinations=destinations, hosts=hosts(wpad_example=["NEAREST", "z.example", "DIRECT"])
    )
    registry = tracked()
    registry.remove("two")
    one, far = (f"PROXY http://{name}.example.org:3128" for name in ("one", "far"))
    z, b = "PROXY http://z.example:3128", "PROXY http://b.example:3128"
    assert made.answer(request(registry=registry), NOW) == script(
        'if (shExpMatch(url, "*/cvmfs/*")) {',
        f'    return "{one}; {z}; DIRECT";',
        "}",
        'if (shExpMatch(url, "*:8000/*")) {',
        f'    return "{far}; {z}; {b}; DIRECT";',
        "}",
        f'return "{one}; {far}; {z}; DIRECT";',
    )


def test_how_a_cache_is_named():
    registry = Registry()
    add(registry, beat("v6", public="2001:db8::7"))
    add(registry, beat("short", hostname="vm7", public="2001:db8::8", port=80))
    add(registry, beat("inside", hostname="vm8", public=None, private="10.0.0.8"))
    by_key = {cache.key: cache for cache in registry.live(NOW)}

    def named(key, *, local, by_address):
        proxy = proxy_of(Ranked(by_key[key], 0.0, local, None), by_address=by_address)
        return str(proxy)

    assert named("v6", local=False, by_address=False) == "http://v6.example.org:3128"
    assert named("v6", local=True, by_address=True) == "http://[2001:db8::7]:3128"
    assert named("short", local=True, by_address=False) == "http://vm7:80"
    assert named("short", local=False, by_address=False) == "http://[2001:db8::8]:80"
    assert named("inside", local=True, by_address=True) == "http://10.0.0.8:3128"
    assert named("inside", local=False, by_address=True) == "http://vm8:3128"


def test_caches_that_tie_share_a_group_in_whatever_order_they_were_drawn():
    registry = tracked()
    ranked = list(request(registry=registry).nearest(None))
    for order in (ranked, ranked[::-1]):
        groups = groups_of(order, COSTS)
        assert [len(group) for group in groups] == [2, 1]
        assert groups[1][0].host == "far.example.org"


def test_a_cache_that_cannot_be_named_is_left_out():
    registry = Registry()
    add(registry, beat("evil", hostname='x.y";evil()'))
    assert groups_of(request(registry=registry).nearest(None), COSTS) == ()


# -- sites ----------------------------------------------------------------------------------------

WLCG = hosts(wpad_example=["WLCG"])


def test_a_site_gets_its_own_squids():
    found = service(sites=[PLAIN], hosts=WLCG).answer(request("WPAD.example."), NOW)
    assert found == script(f'return "PROXY {A}";', comment="For SITE-A; CMS: T2_A")


def test_a_site_gets_its_destinations_in_the_order_of_the_rules():
    made = service(
        sites=[site(Entry({"both": (C,), "frontier": (F,), "unknown": (B,), "default": (A,)}))],
        hosts=WLCG,
    )
    assert made.answer(request(), NOW) == script(
        'if (shExpMatch(url, "*:8000/*")) {',
        f'    return "PROXY {F}";',
        "}",
        'if (shExpMatch(url, "*/cvmfs/*") || shExpMatch(url, "*:8000/*")) {',
        f'    return "PROXY {C}";',
        "}",
        f'return "PROXY {A}";',
    )


@pytest.mark.parametrize(
    ("host", "sites", "organisations", "reason"),
    [
        ("wpad.example", [PLAIN], (), "no org found for remote ip address"),
        ("wpad.example", [PLAIN], ("B",), "no squid found matching the remote ip address"),
        ("wpad.example", [site(Entry({"default": (A,)}), disabled="moved")], ("Site A",), "moved"),
        ("other.example", [PLAIN], ("Site A",), "Unrecognized host name"),
    ],
)
def test_refusals(host, sites, organisations, reason):
    made = service(sites=sites, hosts=WLCG)
    refusal = made.answer(request(host, organisations=organisations), NOW)
    assert refusal == WpadRefusal(reason)
    assert refusal.text == f"Bad Request: {reason}\n"


def test_a_range_of_addresses_gets_its_own_even_where_the_site_is_disabled():
    ranged = Entry({"default": (C,)}, (ip_network("192.0.2.64/26"),), ("CLOUD-A",))
    made = service(
        sites=[site(ranged, Entry({"default": (A,)}), names=("SITE-A",), disabled="moved")],
        hosts=WLCG,
    )
    assert made.answer(request(), NOW) == script(f'return "PROXY {C}";', comment="For CLOUD-A")
    elsewhere = request(address=ip_address("192.0.2.1"))
    assert made.answer(elsewhere, NOW) == WpadRefusal("moved")


BACKUP = hosts(wpad_example=["WLCG+BACKUP"])
BC = "PROXY http://bc1.example:3128; PROXY http://bc2.example:80"
BF = "PROXY http://bf.example:3128"


@pytest.mark.parametrize(
    ("entry", "cvmfs", "frontier", "default"),
    [
        ({"default": (A,)}, f"PROXY {A}; {BC}", f"PROXY {A}; {BF}", f"PROXY {A}"),
        (
            {"default": (A,), "frontier": (F,)},
            f"PROXY {A}; {BC}",
            f"PROXY {F}; {BF}",
            f"PROXY {A}",
        ),
    ],
)
def test_backups_stand_behind_the_squids_of_a_site(entry, cvmfs, frontier, default):
    made = service(sites=[site(Entry(entry))], hosts=BACKUP, destinations=(CVMFS, FRONTIER))
    assert made.answer(request(), NOW) == script(
        'if (shExpMatch(url, "*/cvmfs/*")) {',
        f'    return "{cvmfs}";',
        "}",
        'if (shExpMatch(url, "*:8000/*")) {',
        f'    return "{frontier}";',
        "}",
        f'return "{default}";',
    )


def test_backups_of_a_part_stand_behind_the_squids_of_the_whole():
    made = service(sites=[site(Entry({"both": (C,), "default": (A,)}))], hosts=BACKUP)
    found = made.answer(request(), NOW)
    assert isinstance(found, PacAnswer)
    lines = [line.strip() for line in found.text.splitlines() if "return" in line]
    assert lines == [
        f'return "PROXY {C}; {BC}";',
        f'return "PROXY {C}; {BF}";',
        f'return "PROXY {C}";',
        f'return "PROXY {A}";',
    ]


def test_backups_are_in_the_order_of_distance():
    made = service(sites=[PLAIN], hosts=BACKUP, destinations=(CVMFS,))
    found = made.answer(request(in_order=lambda proxies: tuple(reversed(proxies))), NOW)
    assert isinstance(found, PacAnswer)
    assert f"PROXY {A}; PROXY http://bc2.example:80; PROXY http://bc1.example:3128" in found.text


# -- what is left when a site has nothing ---------------------------------------------------------

LHC = ["WLCG", "OVERLOAD=cvmfs;3;2;10", "cvmfs=DIRECT", "frontier=x.example;y.example", "z.example"]
REST = script(
    'if (shExpMatch(url, "*/cvmfs/*")) {',
    '    return "DIRECT";',
    "}",
    'if (shExpMatch(url, "*:8000/*")) {',
    '    return "PROXY http://x.example:3128; PROXY http://y.example:3128";',
    "}",
    'return "PROXY http://z.example:3128";',
)


def test_the_rest_of_the_list_counts_where_a_site_has_nothing():
    made = service(sites=[PLAIN], hosts=hosts(wpad_example=LHC))
    assert made.answer(request(organisations=("B",)), NOW) == REST
    assert made.answer(request(organisations=()), NOW) == REST


def test_who_asks_too_often_gets_the_backups_for_a_while():
    made = service(
        sites=[PLAIN], hosts=hosts(wpad_example=LHC), overload_excludes=("Big  Site", "x")
    )
    asked = request(organisations=("B",))
    start = NOW - NOW % 60
    assert [made.answer(asked, start + second) for second in range(3)] == [REST] * 3
    assert made.answer(asked, start + 3) == script(
        f'return "{BC}";',
        comment="Organization blocked for 10 minutes (load 133%), needs own proxies; directing to backups",
    )
    # others are not blocked, nor is a site with squids of its own, nor one that may ask
    assert made.answer(request(organisations=("C",)), start + 4) == REST
    assert all(
        made.answer(request(organisations=("big site",)), start + 5) == REST for _ in range(9)
    )
    for _ in range(9):
        found = made.answer(request(), start + 6)
        assert isinstance(found, PacAnswer)
        assert found.text.startswith("// For SITE-A")
    assert made.answer(asked, start + 9 * 60 + 59) != REST
    assert made.answer(asked, start + 10 * 60) == REST


def test_an_empty_list_is_none_and_a_destination_alone_leaves_none():
    made = service(hosts=hosts(empty_example=[], part_example=["cvmfs=DIRECT"]))
    assert made.answer(request("empty.example"), NOW) == script('return "NONE";')
    found = made.answer(request("part.example"), NOW)
    assert isinstance(found, PacAnswer)
    assert found.text.endswith('    return "NONE";\n}\n')


def test_nearest_alone_with_no_cache_is_refused():
    made = service(destinations=(), hosts=hosts(wpad_example=["NEAREST"]))
    assert made.answer(request(), NOW) == WpadRefusal("no proxy found")


def test_a_name_stands_for_its_list_and_a_star_for_all_other_names():
    policy = WpadPolicy(
        destinations=DESTINATIONS,
        hosts=(
            *hosts(one_example=["a.example", "b.example"], two_example=["ONE.example", "DIRECT"]),
            HostSettings(name=ANY_HOST, proxies=("WLCG", "two.example")),
        ),
    )
    made = WpadService(policy, COSTS)
    two = script(f'return "PROXY {A}; PROXY {B}; DIRECT";')
    assert made.answer(request("two.example"), NOW) == two
    assert made.answer(request("any"), NOW) == two
    assert {str(one) for one in made.rules.named_proxies} >= {
        str(A),
        str(B),
        "http://bf.example:3128",
    }


@pytest.mark.parametrize(
    ("items", "why"),
    [
        (["OVERLOAD=cvmfs;1;2"], "OVERLOAD"),
        (["OVERLOAD=cvmfs;1;2;x"], "OVERLOAD"),
        (["OVERLOAD=cvmfs;0;2;3"], "OVERLOAD"),
        (["OVERLOAD=nobody;1;2;3"], "no destination is named 'nobody'"),
        (["nobody=DIRECT"], "no destination is named 'nobody'"),
        (["cvmfs=a b"], "found"),
        (['a";evil()'], "found"),
        (["NEAREST", "WLCG", "a.example:0"], "port"),
    ],
)
def test_lists_that_cannot_be_understood(items, why):
    with pytest.raises(ConfigError, match=why) as caught:
        parse_hosts(WpadPolicy(destinations=DESTINATIONS, hosts=hosts(wpad_example=items)))
    assert caught.value.where == "wpad.hosts, wpad.example"


@pytest.mark.parametrize("glob", ["*)", "*/a(b|c)*", "a b", '"', "é", "[ab]*", ""])
def test_patterns_that_break_evaluators(glob):
    policy = WpadPolicy(destinations=(DestinationSettings(name="x", globs=(glob,)),))
    with pytest.raises(ConfigError, match="pattern"):
        parse_destinations(policy)
