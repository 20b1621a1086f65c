"""Heartbeats as agents of all ages send them, and as nobody should; caches as version 1 shows them."""

import json
import math
import sys
from ipaddress import ip_address

import pytest

from shoalpy.model import CacheType, Health, Heartbeat, Upstream, Verification
from shoalpy.registry import Registry
from shoalpy.wire import MAX_BEAT_BYTES, BadBeat, Reason, parse_heartbeat, render_v1
from tests.unit.shoalpy.tracked import BATAVIA, GENEVA, NOW, add, beat, facts
from ugrpy.locality import Place
from ugrpy.locality.facts import GeoFacts

SAID: dict[str, object] = {
    "uuid": "5f0c71d2c80e11f0b3c1fa163e1f2a44",
    "hostname": "vm1.uvic.example",
    "timestamp": 1795365733.57,
    "load": 812.4,
    "cache_port": 3128,
    "cache_type": "squid",
    "upstream": "both",
    "verified": True,
    "max_load": 122000,
    "public_ip": "192.0.2.7",
    "private_ip": None,
    "external_ip": None,
}
GONE = object()


def body(**changes: object) -> bytes:
    said = {**SAID, **changes}
    return json.dumps({name: value for name, value in said.items() if value is not GONE}).encode()


def raw(name: str, text: str) -> bytes:
    """The beat with a value that ``json`` would not write."""
    return body(**{name: "@"}).replace(b'"@"', text.encode())


def parsed(content: bytes, signer: str = "") -> Heartbeat:
    found = parse_heartbeat(content, signer=signer)
    assert isinstance(found, Heartbeat)
    return found


def test_a_whole_beat():
    assert parsed(body(), signer="uvic") == Heartbeat(
        key="5f0c71d2c80e11f0b3c1fa163e1f2a44",
        hostname="vm1.uvic.example",
        port=3128,
        sent_at_s=1795365733.57,
        load_kbps=812.4,
        cache_type=CacheType.SQUID,
        upstream=Upstream.BOTH,
        max_load_kbps=122_000.0,
        public_ip=ip_address("192.0.2.7"),
        signer="uvic",
    )


@pytest.mark.row("S20")
def test_an_old_agent_gets_the_defaults():
    old = {
        "uuid": "a1",
        "hostname": "VM1.uvic.example.",
        "timestamp": 1795365733,
        "load": 7,
        "squid_port": "3128",
        "external_ip": "192.0.2.7",
        "global_access": True,
        "domain_access": True,
    }
    assert parsed(json.dumps(old).encode()) == Heartbeat(
        key="a1",
        hostname="vm1.uvic.example",
        port=3128,
        sent_at_s=1795365733.0,
        load_kbps=7.0,
        cache_type=CacheType.SQUID,
        upstream=Upstream.BOTH,
        max_load_kbps=None,
        external_ip=ip_address("192.0.2.7"),
        port_as_text=True,
    )


@pytest.mark.parametrize(
    ("changes", "port", "as_text"),
    [
        ({}, 3128, False),
        ({"cache_port": "8080"}, 8080, True),
        ({"cache_port": GONE, "squid_port": 8080}, 8080, False),
        ({"cache_port": None, "squid_port": "8080"}, 8080, True),
        ({"cache_port": 1, "squid_port": 8080}, 1, False),
        ({"cache_port": 65535}, 65535, False),
    ],
)
def test_ports(changes, port, as_text):
    found = parsed(body(**changes))
    assert (found.port, found.port_as_text) == (port, as_text)


@pytest.mark.parametrize(
    ("value", "kbps"),
    [
        (122000, 122_000.0),
        (0.5, 0.5),
        ("90000", 90_000.0),
        (None, None),
        (GONE, None),
        (0, None),
        (-112, None),  # what a virtual network card makes of 1 Gb/s
        ("-112", None),
        (2e9, None),
        (10**400, None),
    ],
)
def test_a_capacity_that_cannot_be_is_as_none(value, kbps):
    assert parsed(body(max_load=value)).max_load_kbps == kbps


@pytest.mark.parametrize(
    ("changes", "reachable"),
    [
        ({}, "192.0.2.7"),
        ({"external_ip": "192.0.2.8"}, "192.0.2.7"),
        ({"public_ip": None, "external_ip": "192.0.2.8"}, "192.0.2.8"),
        ({"public_ip": "", "external_ip": "2001:db8::1"}, "2001:db8::1"),
        ({"public_ip": "::ffff:192.0.2.9"}, "192.0.2.9"),
        ({"public_ip": None, "private_ip": "10.0.0.1"}, "None"),
    ],
)
def test_where_it_is_reached(changes, reachable):
    assert str(parsed(body(**changes)).reachable_ip) == reachable


@pytest.mark.parametrize("name", ["vm_1", "a.b-c.d", "x" * 63, "192.0.2.7", "localhost"])
def test_host_names(name):
    assert parsed(body(hostname=name)).hostname == name


@pytest.mark.parametrize(
    ("changes", "key"),
    [({"goodbye": True}, SAID["uuid"]), ({"uuid": "a:b@c.d_e-f", "goodbye": True}, "a:b@c.d_e-f")],
)
def test_goodbye(changes, key):
    assert parse_heartbeat(body(**changes)) == key
    assert parse_heartbeat(json.dumps({"uuid": key, "goodbye": True}).encode()) == key


@pytest.mark.parametrize("value", [False, 1, "true", None])
def test_anything_else_is_no_goodbye(value):
    assert parsed(body(goodbye=value)).port == 3128


SHELL = "192.0.2.7; touch /tmp/owned"
HOSTILE: list[tuple[bytes, Reason]] = [
    (b"", Reason.NOT_JSON),
    (b"hello", Reason.NOT_JSON),
    (b"\xff\xfe\x00", Reason.NOT_JSON),
    (body()[:-1], Reason.NOT_JSON),
    (b"[" * 10_000, Reason.NOT_JSON),
    (b'{"a":' * 3_000, Reason.NOT_JSON),
    (b'{"load": ' + b"9" * 5_000 + b"}", Reason.NOT_JSON),
    (b" " * (MAX_BEAT_BYTES + 1), Reason.TOO_LONG),
    (body(hostname="x" * MAX_BEAT_BYTES), Reason.TOO_LONG),
    (b"[]", Reason.NOT_AN_OBJECT),
    (b"null", Reason.NOT_AN_OBJECT),
    (b'"uuid"', Reason.NOT_AN_OBJECT),
    (b"NaN", Reason.NOT_AN_OBJECT),
    (b"{}", Reason.MISSING_FIELD),
    (body(uuid=GONE), Reason.MISSING_FIELD),
    (body(hostname=None), Reason.MISSING_FIELD),
    (body(timestamp=GONE), Reason.MISSING_FIELD),
    (body(load=GONE), Reason.MISSING_FIELD),
    (body(cache_port=GONE), Reason.MISSING_FIELD),
    (body(uuid=""), Reason.BAD_KEY),
    (body(uuid=7), Reason.BAD_KEY),
    (body(uuid="x" * 129), Reason.BAD_KEY),
    (body(uuid="../../etc/passwd"), Reason.BAD_KEY),
    (body(uuid="a b\n"), Reason.BAD_KEY),
    (body(uuid=["a"]), Reason.BAD_KEY),
    (body(uuid="a/b", goodbye=True), Reason.BAD_KEY),
    (body(hostname='x";alert(1);"'), Reason.BAD_HOSTNAME),
    (body(hostname="$(reboot).example"), Reason.BAD_HOSTNAME),
    (body(hostname="<script>"), Reason.BAD_HOSTNAME),
    (body(hostname="x" * 64), Reason.BAD_HOSTNAME),
    (body(hostname="a." * 127), Reason.BAD_HOSTNAME),
    (body(hostname="a..b"), Reason.BAD_HOSTNAME),
    (body(hostname="-a.example"), Reason.BAD_HOSTNAME),
    (body(hostname="host, other"), Reason.BAD_HOSTNAME),
    (body(hostname="host\n"), Reason.BAD_HOSTNAME),
    (body(hostname="h\u00f6st"), Reason.BAD_HOSTNAME),
    (body(hostname=["a"]), Reason.BAD_HOSTNAME),
    (body(hostname={"a": "b"}), Reason.BAD_HOSTNAME),
    (body(cache_port=0), Reason.BAD_PORT),
    (body(cache_port=-1), Reason.BAD_PORT),
    (body(cache_port=65536), Reason.BAD_PORT),
    (body(cache_port=3128.5), Reason.BAD_PORT),
    (body(cache_port=True), Reason.BAD_PORT),
    (body(cache_port="3128; reboot"), Reason.BAD_PORT),
    (body(cache_port="\u0663\u0661"), Reason.BAD_PORT),
    (body(cache_port="0"), Reason.BAD_PORT),
    (body(cache_port="9" * 400), Reason.BAD_PORT),
    (body(cache_port=[3128]), Reason.BAD_PORT),
    (body(load="812.4"), Reason.BAD_NUMBER),
    (body(load=-1), Reason.BAD_NUMBER),
    (body(load=True), Reason.BAD_NUMBER),
    (body(load=1e10), Reason.BAD_NUMBER),
    (body(load=10**400), Reason.BAD_NUMBER),
    (body(load=[]), Reason.BAD_NUMBER),
    (raw("load", "NaN"), Reason.BAD_NUMBER),
    (raw("load", "Infinity"), Reason.BAD_NUMBER),
    (raw("load", "1e999"), Reason.BAD_NUMBER),
    (body(timestamp="now"), Reason.BAD_NUMBER),
    (body(timestamp=-5), Reason.BAD_NUMBER),
    (raw("timestamp", "NaN"), Reason.BAD_NUMBER),
    (raw("timestamp", "-Infinity"), Reason.BAD_NUMBER),
    (body(max_load="a lot"), Reason.BAD_NUMBER),
    (body(max_load="nan"), Reason.BAD_NUMBER),
    (body(max_load="9" * 1_000), Reason.BAD_NUMBER),
    (body(max_load=True), Reason.BAD_NUMBER),
    (body(max_load=[]), Reason.BAD_NUMBER),
    (raw("max_load", "NaN"), Reason.BAD_NUMBER),
    (raw("max_load", "-Infinity"), Reason.BAD_NUMBER),
    (body(public_ip=SHELL), Reason.BAD_ADDRESS),
    (body(private_ip="$(reboot)"), Reason.BAD_ADDRESS),
    (body(external_ip="`id`"), Reason.BAD_ADDRESS),
    (body(public_ip="fe80::1%$(reboot)"), Reason.BAD_ADDRESS),
    (body(public_ip='2001:db8::1%";alert(1)//'), Reason.BAD_ADDRESS),
    (body(private_ip="fe80::1%eth0"), Reason.BAD_ADDRESS),
    (body(public_ip="192.0.2.256"), Reason.BAD_ADDRESS),
    (body(public_ip="192.0.2.7/24"), Reason.BAD_ADDRESS),
    (body(public_ip="[2001:db8::1]"), Reason.BAD_ADDRESS),
    (body(public_ip="squid.example.org"), Reason.BAD_ADDRESS),
    (body(public_ip=3221225991), Reason.BAD_ADDRESS),
    (body(public_ip=["192.0.2.7"]), Reason.BAD_ADDRESS),
    (body(public_ip=False), Reason.BAD_ADDRESS),
    (body(public_ip="0.0.0.0"), Reason.BAD_ADDRESS),
    (body(public_ip="::"), Reason.BAD_ADDRESS),
    (body(public_ip="224.0.0.1"), Reason.BAD_ADDRESS),
    (body(public_ip="255.255.255.255"), Reason.BAD_ADDRESS),
    (body(public_ip="ff02::1"), Reason.BAD_ADDRESS),
    (body(cache_type="apache"), Reason.BAD_TYPE),
    (body(cache_type=["squid"]), Reason.BAD_TYPE),
    (body(cache_type={}), Reason.BAD_TYPE),
    (body(cache_type=7), Reason.BAD_TYPE),
    (body(upstream="frontier; reboot"), Reason.BAD_TYPE),
    (body(upstream=""), Reason.BAD_TYPE),
    (body(public_ip=None), Reason.NO_ADDRESS),
    (body(public_ip=GONE, private_ip="", external_ip=""), Reason.NO_ADDRESS),
]


@pytest.mark.row("S26")
@pytest.mark.parametrize(("content", "reason"), HOSTILE)
def test_a_beat_that_cannot_be_is_dropped_with_its_reason(content, reason):
    with pytest.raises(BadBeat) as caught:
        parse_heartbeat(content)
    assert caught.value.reason is reason
    said = str(caught.value)
    assert said.startswith(f"{reason}: ")
    # what strangers send goes into logs: it is short there, and on one line
    assert len(said) < 400
    assert said.isascii()
    assert said.isprintable()


def test_there_are_more_than_thirty_of_them_and_all_reasons_of_form_occur():
    assert len(HOSTILE) > 90
    later = {
        *(Reason.TOO_OLD, Reason.FROM_THE_FUTURE, Reason.UNKNOWN_PLACE, Reason.NOT_THE_OWNER),
        *(Reason.BAD_SIGNATURE, Reason.REPLAYED, Reason.TOO_MANY),
    }
    assert {reason for _, reason in HOSTILE} == set(Reason) - later


_events: list[str] = []
_listening = False


def _note(event: str, _arguments: object) -> None:
    if _listening and event in (
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork"),
        *("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "open", "exec"),
    ):
        _events.append(event)


@pytest.mark.row("S27")
def test_no_beat_starts_a_process_or_asks_anybody():
    global _listening  # noqa: PLW0603 - an audit hook cannot be taken away again
    sys.addaudithook(_note)
    _listening = True
    try:
        for content, _ in HOSTILE:
            with pytest.raises(BadBeat):
                parse_heartbeat(content)
    finally:
        _listening = False
    assert _events == []


class TestVersion1:
    """``render_v1``."""

    @staticmethod
    def shown(one: Heartbeat, where: GeoFacts | None = None, health=Health.PASSED, **more):
        registry = Registry()
        add(registry, one, where, health=health)
        found = registry.get(one.key, NOW)
        assert found is not None
        return render_v1(found, **{"local": False, "max_load_kbps": 122_000.0, **more})

    def test_every_field_in_the_order_of_old_servers(self):
        where = GeoFacts(
            Place(BATAVIA, "US"),
            city="Batavia",
            country_name="United States",
            continent="NA",
            region_code="IL",
            postal_code="60510",
            time_zone="America/Chicago",
            metro_code=602,
        )
        one = beat("a", load=812.5, public="192.0.2.7", private="10.0.0.7", hostname="vm1.test")
        expected = {
            "created": NOW,
            "last_active": NOW,
            "hostname": "vm1.test",
            "squid_port": 3128,
            "public_ip": "192.0.2.7",
            "private_ip": "10.0.0.7",
            "external_ip": None,
            "geo_data": {
                "city": "Batavia",
                "region_code": "IL",
                "time_zone": "America/Chicago",
                "metro_code": 602,
                "latitude": 41.85,
                "longitude": -88.31,
                "postal_code": "60510",
                "country_code": "US",
                "country_name": "United States",
                "continent": "NA",
            },
            "load": 812.5,
            "verified": True,
            "global_access": True,
            "max_load": 122000,
            "local": True,
            "cache_type": "squid",
            "upstream": "both",
            "distance": 0.25,
        }
        found = self.shown(one, where, local=True, cost=0.25)
        assert found == expected
        assert json.dumps(found) == json.dumps(expected)

    def test_without_a_cost_there_is_no_distance(self):
        assert "distance" not in self.shown(beat("a"))

    def test_a_port_that_came_as_text_is_shown_as_text(self):
        assert self.shown(beat("a", port=8080, port_as_text=True))["squid_port"] == "8080"

    def test_local_is_true_or_null(self):
        assert self.shown(beat("a"))["local"] is None

    def test_what_is_not_verified_is_not_global(self):
        found = self.shown(beat("a"), health=Health.FAILED)
        assert (found["verified"], found["global_access"]) == (False, False)
        assert self.shown(beat("a"), health=Health.OFF)["global_access"] is True

    def test_a_private_address_can_be_hidden(self):
        one = beat("a", private="10.0.0.7")
        assert self.shown(one, show_private=False)["private_ip"] is None

    def test_a_cache_of_no_known_place(self):
        geo = self.shown(beat("a"), facts(None))["geo_data"]
        assert (geo["latitude"], geo["longitude"]) == (None, None)

    def test_a_cache_behind_a_nat_shows_its_outer_address_as_public(self):
        outer = parsed(body(public_ip=None, external_ip="192.0.2.8"))
        registry = Registry()
        found = registry.apply(outer, facts(GENEVA), NOW)
        shown = render_v1(found, local=False, max_load_kbps=1.0)
        assert (shown["public_ip"], shown["external_ip"]) == ("192.0.2.8", "192.0.2.8")

    @pytest.mark.parametrize(
        ("said", "shown"), [(None, 122000), (90_000.0, 90000), (90_000.5, 90_000.5)]
    )
    def test_capacity(self, said, shown):
        found = self.shown(beat("a", max_load=said))["max_load"]
        assert found == shown
        assert type(found) is type(shown)

    def test_everything_shown_is_plain_json(self):
        registry = Registry()
        registry.apply(parsed(body()), facts(GENEVA), 1795365734.0)
        registry.verified("5f0c71d2c80e11f0b3c1fa163e1f2a44", Verification(Health.PENDING))
        found = registry.get("5f0c71d2c80e11f0b3c1fa163e1f2a44", 1795365734.0)
        assert found is not None
        shown = render_v1(found, local=True, max_load_kbps=1.0, cost=math.pi)
        assert json.loads(json.dumps(shown, allow_nan=False)) == shown
