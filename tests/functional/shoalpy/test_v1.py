"""Version 1 over the wire: what shoal's clients ask, and what they get."""

import gzip
import json
import math

import pytest

from tests.functional.shoalpy.shoal import BATAVIA, GENEVA, NOWHERE, VICTORIA, Shoal, ShoalStarter

pytestmark = pytest.mark.functional

FIELDS = (
    *("created", "last_active", "hostname", "squid_port", "public_ip", "private_ip", "external_ip"),
    *("geo_data", "load", "verified", "global_access", "max_load", "local", "cache_type"),
    *("upstream", "distance"),
)
GEO_FIELDS = (
    *("city", "region_code", "time_zone", "metro_code", "latitude", "longitude", "postal_code"),
    *("country_code", "country_name", "continent"),
)


@pytest.fixture(scope="module", autouse=True)
def _caches(shoal: Shoal) -> None:
    """Three squids in three places, varnishes of each upstream in Geneva, and one more squid that is far and busy."""
    for key, address, more in (
        ("geneva", "192.0.2.1", {"private_ip": "10.0.0.1", "load": 100.5}),
        ("batavia", "198.51.100.1", {"cache_port": "8080"}),
        ("victoria", "203.0.113.1", {}),
        ("busy", "203.0.113.2", {"load": 122000}),
        ("frontier", "192.0.2.3", {"cache_type": "varnish", "upstream": "frontier"}),
        ("cvmfs", "192.0.2.4", {"cache_type": "varnish", "upstream": "cvmfs"}),
        ("both", "192.0.2.5", {"cache_type": "varnish"}),
        ("only-frontier", "203.0.113.6", {"upstream": "frontier"}),
    ):
        answer = shoal.beat(key, public_ip=address, **more)
        assert answer.status == 200, answer.text


@pytest.mark.row("S1")
def test_nearest_answers_with_all_fields_in_the_order_of_rank(shoal):
    entries = shoal.entries("/nearest", source=GENEVA)

    names = [one["hostname"].removesuffix(".example.org") for one in entries]
    assert (names[:2], set(names[2:4]), names[4:]) == (
        ["geneva", "batavia"],
        {"victoria", "only-frontier"},  # they tie
        ["busy"],
    )
    assert all(tuple(one) == FIELDS and tuple(one["geo_data"]) == GEO_FIELDS for one in entries)
    costs = [one["distance"] for one in entries]
    assert costs == sorted(costs)
    first = entries[0]
    assert (first["load"], first["squid_port"], first["local"]) == (100.5, 3128, True)
    assert first["geo_data"]["city"] == "Geneva"
    assert (first["public_ip"], first["private_ip"]) == ("192.0.2.1", "10.0.0.1")
    assert first["distance"] == pytest.approx(0.5 * 100.5 / 122000)
    # 7,083 km of half the way round the globe
    assert entries[1]["distance"] == pytest.approx(0.5 * 1.1146 / math.pi, abs=1e-3)
    assert entries[1]["squid_port"] == "8080"
    assert (entries[1]["local"], entries[1]["verified"]) == (None, True)


@pytest.mark.row("S1")
def test_the_order_is_the_callers(shoal):
    assert shoal.hosts("/nearest/1", source=BATAVIA) == ["batavia"]
    assert shoal.hosts("/nearest/2", source=VICTORIA) in (
        ["victoria", "only-frontier"],
        ["only-frontier", "victoria"],
    )


@pytest.mark.row("S2")
def test_all_spellings_of_a_number(shoal):
    for number in (1, 2, 100):
        body = shoal.ask(f"/nearest/{number}", source=GENEVA).body
        for path in (f"/nearest{number}", f"/nearest/{number}/", f"//nearest//{number}"):
            again = shoal.hosts(path, source=GENEVA)
            assert again[:2] == [one["hostname"][:-12] for one in json.loads(body).values()][:2]
            assert len(again) == min(number, 5)
        assert shoal.ask(f"/nearest/{number}?x=y", source=GENEVA).status == 200
    assert (
        shoal.ask("/nearest2/", source=GENEVA).body == shoal.ask("/nearest/2", source=GENEVA).body
    )


@pytest.mark.row("S2")
@pytest.mark.parametrize(
    "path", ["/nearest/-1", "/nearest/abc", "/nearest/1/1", "/externals", "/x"]
)
def test_what_is_no_path_is_not_found(shoal, path):
    answer = shoal.ask(path)

    assert (answer.status, answer.body) == (404, b"not found")


@pytest.mark.row("S2")
def test_none_at_all(shoal):
    for path in ("/nearest/0", "/nearest0", "/nearestcvmfs/0/"):
        answer = shoal.ask(path)
        assert (answer.status, answer.body) == (200, b"null")
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.row("S3")
def test_nearestverified_is_nearest(shoal):
    # beyond the first two, equal caches are told in random order
    for count in ("/1", "/2"):
        nearest = shoal.ask(f"/nearest{count}", source=GENEVA)
        assert shoal.ask(f"/nearestverified{count}", source=GENEVA).body == nearest.body
    assert sorted(shoal.hosts("/nearestverified", source=GENEVA)) == sorted(
        shoal.hosts("/nearest", source=GENEVA)
    )


@pytest.mark.row("S4")
def test_typed_questions_take_varnish_in_and_the_other_upstream_out(shoal):
    squids = {"geneva", "batavia", "victoria", "busy"}

    assert set(shoal.hosts("/nearestcvmfs/99")) == squids | {"cvmfs", "both"}
    assert set(shoal.hosts("/nearestconditions/99")) == squids | {
        *("frontier", "both", "only-frontier")
    }
    assert set(shoal.hosts("/nearest/99")) == squids | {"only-frontier"}


@pytest.mark.row("S5")
def test_all_lists_the_private_and_the_unverified(start_shoal):
    shoal = start_shoal("[ranking]\ntie = 0.01\n", verifies=True)
    for key, said in (
        ("unverified", {}),
        ("private", {"public_ip": None, "private_ip": "10.1.2.3"}),
        ("varnish", {"cache_type": "varnish", "public_ip": "198.51.100.1"}),
    ):
        assert shoal.beat(key, **said).status == 200

    entries = shoal.entries("/all")

    assert [one["hostname"].partition(".")[0] for one in entries] == [
        *("unverified", "private", "varnish")
    ]
    assert all(tuple(one) == FIELDS[:-1] for one in entries)
    assert all(one["local"] is None and not one["verified"] for one in entries)
    assert shoal.hosts("/all/1") == shoal.hosts("/all") == shoal.hosts("/all/")


@pytest.mark.row("S6")
def test_null_when_none_qualifies(start_shoal):
    empty = start_shoal(verifies=True)
    everything = ("/nearest", "/nearestverified", "/nearestcvmfs/3", "/nearestconditions")
    for path in (*everything, "/all"):
        assert (empty.ask(path).status, empty.ask(path).body) == (200, b"null")

    assert empty.beat("unverified").status == 200
    for path in everything:
        assert (empty.ask(path).status, empty.ask(path).body) == (200, b"null")
    assert empty.hosts("/all") == ["unverified"]


def test_other_methods_are_refused(shoal):
    for path in ("/nearest", "/all/", "/", "/fsad.conf"):
        for method in ("POST", "PUT", "DELETE"):
            answer = shoal.ask(path, method=method)
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        head = shoal.ask(path, method="HEAD")
        assert (head.status, head.body) == (200, b"")


@pytest.mark.row("S12")
def test_callers_learn_their_address(shoal, start_shoal):
    answer = shoal.ask("/fsad.conf", source=BATAVIA)
    assert (answer.status, answer.text) == (200, f"external_ip={BATAVIA}\n")
    assert answer.headers["content-type"].startswith("text/plain")
    assert shoal.ask("/external", source=BATAVIA).text == answer.text

    more = start_shoal(
        '[server]\nfsad = ["site=UVic", "list=a=b"]\ntrusted_proxies = ["127.0.12.0/24"]\n'
    )
    assert more.ask("/fsad.conf").text == f"external_ip={NOWHERE}\nsite=UVic\nlist=a=b\n"
    proxied = {"X-Forwarded-For": "192.0.2.77"}
    assert more.ask("/fsad.conf", source=BATAVIA, headers=proxied).text.startswith(
        "external_ip=192.0.2.77\n"
    )
    assert more.ask("/fsad.conf", source=VICTORIA, headers=proxied).text.startswith(
        f"external_ip={VICTORIA}\n"
    )


@pytest.mark.row("S13")
def test_another_address_may_be_given_unless_switched_off(shoal, start_shoal):
    for given in ("198.51.100.77", "2001:db8:12::7", "2001%3Adb8%3A12%3A%3A7"):
        assert shoal.hosts(f"/nearest/1?ip={given}", source=GENEVA) == ["batavia"]
        assert shoal.hosts(f"/nearest/1?ip%3d{given}", source=GENEVA) == ["batavia"]
    for bad in ("", "x", "192.0.2", "192.0.2.1%20", "192.0.2.0/24", "$(id)"):
        answer = shoal.ask(f"/nearest?ip={bad}")
        assert (answer.status, answer.text) == (400, "Bad Request: bad ip address given\n")

    deaf = start_shoal("[server]\nip_override = false\n")
    deaf.beat("geneva", public_ip="192.0.2.1")
    deaf.beat("batavia", public_ip="198.51.100.1")
    assert deaf.hosts("/nearest/1?ip=198.51.100.77", source=GENEVA) == ["geneva"]
    assert deaf.ask("/nearest?ip=x").status == 200


@pytest.mark.row("S36")
def test_a_caller_of_unknown_place_is_told_of_the_least_loaded(start_shoal):
    helpful = start_shoal()
    strict = start_shoal("[ranking]\nunknown_by_load = false\n")
    for one in (helpful, strict):
        for key, address, load in (
            ("busy", "192.0.2.1", 90_000),
            ("idle", "198.51.100.1", 10),
            ("medium", "203.0.113.1", 40_000),
        ):
            one.beat(key, public_ip=address, load=load)

    assert helpful.hosts("/nearest", source=NOWHERE) == ["idle", "medium", "busy"]
    assert helpful.hosts("/nearest?ip=2001:db8:ffff::1") == ["idle", "medium", "busy"]
    assert strict.ask("/nearest", source=NOWHERE).body == b"null"
    assert len(strict.hosts("/nearest", source=GENEVA)) == 3


@pytest.mark.row("S45")
def test_private_addresses_are_for_the_same_site(start_shoal: ShoalStarter, shoal):
    hiding = start_shoal("[server]\nhide_private = true\n")
    for one in (shoal, hiding):
        one.beat("here", public_ip="192.0.2.9", private_ip="10.0.0.9")
        one.beat("there", public_ip="198.51.100.9", private_ip="10.0.0.8")

    def told(one: Shoal, source: str, path: str) -> dict[str, tuple[str | None, bool | None]]:
        entries = one.entries(path, source=source)
        found = {e["hostname"].partition(".")[0]: (e["private_ip"], e["local"]) for e in entries}
        return {key: found[key] for key in ("here", "there")}

    assert told(shoal, GENEVA, "/nearest/99") == {
        "here": ("10.0.0.9", True),
        "there": ("10.0.0.8", None),
    }
    assert told(hiding, GENEVA, "/nearest/99") == {
        "here": ("10.0.0.9", True),
        "there": (None, None),
    }
    assert told(hiding, BATAVIA, "/nearest/99") == {
        "here": (None, None),
        "there": ("10.0.0.8", True),
    }
    assert told(hiding, GENEVA, "/all") == {"here": ("10.0.0.9", None), "there": (None, None)}
    assert told(hiding, NOWHERE, "/nearest/99") == {"here": (None, None), "there": (None, None)}
    assert "10.0.0.8" not in hiding.ask("/0", source=GENEVA).text
    assert "10.0.0.9" in hiding.ask("/0", source=GENEVA).text
    shown = json.loads(hiding.ask("/v2/caches/there", source=GENEVA).body)
    assert (shown["private_ip"], shown["local"]) == (None, False)
    for key in ("here", "there"):
        assert shoal.post(json.dumps({"uuid": key, "goodbye": True}).encode()).status == 200


@pytest.mark.row("S77")
def test_conditions_compression_and_cache_headers(shoal):
    first = shoal.ask("/all")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    again = shoal.ask("/all", headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")

    packed = shoal.ask("/all", headers={"Accept-Encoding": "gzip"})
    assert len(first.body) > 1024
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == first.body
    assert packed.headers["vary"] == "Accept-Encoding"
    small = shoal.ask("/nearest/1", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers
    large = shoal.ask("/nearest/5", headers={"Accept-Encoding": "gzip"}, source=GENEVA)
    assert json.loads(gzip.decompress(large.body))["0"]["hostname"].startswith("geneva")
    assert shoal.ask("/nearest").headers["cache-control"] == "private, no-cache"

    shoal.beat("geneva", private_ip="10.0.0.1", load=101.0)
    changed = shoal.ask("/all", headers={"If-None-Match": tag})
    assert changed.status == 200
    assert changed.headers["etag"] != tag


@pytest.mark.row("S17")
def test_version_2_has_the_types_that_version_1_lacks(shoal):
    old = {one["hostname"]: one for one in shoal.entries("/nearest/99", source=GENEVA)}
    assert old["batavia.example.org"]["squid_port"] == "8080"
    assert (old["batavia.example.org"]["local"], old["geneva.example.org"]["local"]) == (None, True)

    answer = shoal.ask("/v2/nearest?count=99&cache_type=squid", source=GENEVA)
    new = {one["cache"]["hostname"]: one["cache"] for one in json.loads(answer.body)}

    assert new["batavia.example.org"]["port"] == 8080
    assert all(type(one["port"]) is int and type(one["local"]) is bool for one in new.values())
    assert (new["batavia.example.org"]["local"], new["geneva.example.org"]["local"]) == (
        False,
        True,
    )
