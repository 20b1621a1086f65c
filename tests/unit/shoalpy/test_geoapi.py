"""What a Geo-API path asks, who is near whom, and what is said to be no name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoalpy.geoapi import (
    GeoAsk,
    address_in,
    may_be_asked_for,
    ordered,
    origin,
    parse_geo_path,
    parse_nameserver,
    render_order,
    render_refusal,
    said_callers,
)
from ugrpy.core.errors import BadRequest
from ugrpy.locality import Position, great_circle_km

GENEVA, BATAVIA, VICTORIA = Position(46.2, 6.15), Position(41.85, -88.31), Position(48.46, -123.31)
PLACES = {"g": GENEVA, "b": BATAVIA, "v": VICTORIA, "ip.g": VICTORIA, "192.0.2.1": GENEVA}


# -- the path --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "ask"),
    [
        ("/cvmfs/sft.cern.ch/api/v1.0/geo/x/a,b", GeoAsk("x", ("a", "b"))),
        ("/api/v1.0/geo/x/a", GeoAsk("x", ("a",))),
        ("/api/v99/geo//a", GeoAsk("", ("a",))),
        ("/api/v/geo/x/", GeoAsk("x", ("",))),
        ("/api/v1/geo/x/a/b,c", GeoAsk("x", ("a/b", "c"))),
        ("/api/v1/geo/x/a,+PXYSEP+,p,q", GeoAsk("x", ("a",), ("p", "q"))),
        ("/api/v1/geo/x/a,%2BPXYSEP%2B", GeoAsk("x", ("a",), ())),
        ("/api/v1/geo/x/+PXYSEP+,p", GeoAsk("x", (), ("p",))),
        # a second one is a name that nobody has
        ("/api/v1/geo/x/a,+PXYSEP+,p,+PXYSEP+", GeoAsk("x", ("a",), ("p", "+PXYSEP+"))),
        ("/api/v1/geo/x%2Fa%2Cb", GeoAsk("x", ("a", "b"))),
    ],
)
def test_paths(path, ask):
    assert parse_geo_path(path) == ask


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/", "malformed api URL: /"),
        ("/api/1.0/geo/x/a", "malformed api URL: /api/1.0/geo/x/a"),
        ("/cvmfs//api/v1/geo/x/a", "malformed api URL: /cvmfs//api/v1/geo/x/a"),
        ("/cvmfs/a/b/api/v1/geo/x/a", "malformed api URL: /cvmfs/a/b/api/v1/geo/x/a"),
        ("/api/v1/geo", "malformed api URL: /api/v1/geo"),
        # no line of ours is made by others, and none is endless
        ("/api/%0D%0Ax", "malformed api URL: /api/%0D%0Ax"),
        ("/" + 300 * "x", "malformed api URL: /" + 199 * "x"),
        ("/api/v1/gio/x/a", "unrecognized api function"),
        ("/api/v1//x/a", "unrecognized api function"),
        ("/api/v1/geo/x", "no slash in geo path"),
    ],
)
def test_paths_that_ask_nothing(path, reason):
    with pytest.raises(BadRequest) as refused:
        parse_geo_path(path)
    assert str(refused.value) == reason


def test_all_names_of_a_question():
    ask = GeoAsk("x", ("a", "b"), ("p",))
    assert ask.names(via_cdn=False) == ("x", "a", "b", "p")
    # proxies stand behind no network of caches
    assert ask.names(via_cdn=True) == ("x", "a", "b", "p", "ip.a", "ip.b")


# -- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "may_be"),
    [
        ("a.example", True),
        ("A-1.b.example.", True),
        ("1.a2", True),
        ("", False),
        ("localhost", False),
        ("3f2504e0-4f89-11d3", False),
        ("a.example:3128", False),
        ("192.0.2.1", False),
        ("300.1.1.1", False),
        ("1.2.3.4.", False),
        ("2001:db8::1", False),
        ("a_b.example", False),
        ("a b.example", False),
        ("a.example\n", False),
        ("é.example", False),
        ("a." + 254 * "b", True),
        ("a." + 255 * "b", False),
    ],
)
def test_what_the_name_service_may_know(name, may_be):
    assert may_be_asked_for(name) is may_be


def test_addresses_in_place_of_names():
    assert str(address_in("192.0.2.1")) == "192.0.2.1"
    assert str(address_in("2001:db8::a")) == "2001:db8::a"
    assert str(address_in("::ffff:192.0.2.1")) == "192.0.2.1"
    for text in ("", "a.example", "a1", "1.2", "[::1]", "a:b", "::1" + 50 * "0"):
        assert address_in(text) is None, text


@given(st.text(max_size=300))
def test_nothing_is_both_a_name_and_an_address(text):
    assert not (may_be_asked_for(text) and address_in(text))


@pytest.mark.parametrize("text", ["127.0.0.1", "127.0.0.1:53", "::1", "[::1]:5353"])
def test_name_servers(text):
    assert parse_nameserver(text) == text


@pytest.mark.parametrize("text", ["", "ns.example", "127.0.0.1:", "127.0.0.1:dns", "300.0.0.1:53"])
def test_what_is_no_name_server(text):
    with pytest.raises(ValueError, match="expected the address of a name server"):
        parse_nameserver(text)


# -- who asks --------------------------------------------------------------------------------------


def test_what_proxies_say():
    assert list(said_callers({})) == []
    said = {"CF-Connecting-IP": " 192.0.2.1", "X-Forwarded-For": "a, b,c "}
    assert list(said_callers(said)) == ["192.0.2.1", "c"]
    assert list(said_callers({"X-Forwarded-For": "2001:db8::1"})) == ["2001:db8::1"]


def test_the_origin_is_the_first_that_has_a_position():
    def of(caching: str, *said: str, client: Position | None = VICTORIA) -> Position:
        return origin(GeoAsk(caching, ("a",)), said, client, PLACES.get)

    assert of("b", "192.0.2.1") == BATAVIA
    assert of("192.0.2.1") == GENEVA
    assert of("x", "192.0.2.1") == GENEVA
    # only addresses count in headers
    assert of("x", "b", "192.0.2.1") == GENEVA
    assert of("x", "192.0.2.9") == VICTORIA
    with pytest.raises(BadRequest, match=r"^remote addr not found in database$"):
        of("x", "192.0.2.9", client=None)


# -- the order -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "servers", "proxies", "numbers"),
    [
        (GENEVA, "gbv", None, [1, 2, 3]),
        (VICTORIA, "gbv", None, [3, 2, 1]),
        (VICTORIA, "?g?v", None, [4, 2, 1, 3]),
        (VICTORIA, "gbgb", None, [2, 4, 1, 3]),
        (GENEVA, "g", "gb", [1, 3, 4, 2]),
        (BATAVIA, "g", "gb", [1, 4, 3, 2]),
        # from the nearest proxy, wherever the caller is
        (VICTORIA, "vb", "gb", [2, 1, 5, 4, 3]),
        (GENEVA, "vg", "?", [2, 1, 4, 3]),
        (GENEVA, "vg", "", [2, 1, 3]),
    ],
)
def test_orders(where, servers, proxies, numbers):
    ask = GeoAsk("x", tuple(servers), None if proxies is None else tuple(proxies))
    assert ordered(ask, where, PLACES.get) == numbers


@pytest.mark.parametrize("ask", [GeoAsk("g", ("?", "")), GeoAsk("g", (), ("g",))])
def test_nothing_to_order(ask):
    with pytest.raises(BadRequest, match=r"^no server addr found in database$"):
        ordered(ask, GENEVA, PLACES.get)


def test_servers_are_looked_for_behind_their_network_of_caches():
    ask = GeoAsk("x", ("b", "g"), ("g",))
    assert ordered(ask, GENEVA, PLACES.get) == [2, 1, 4, 3]
    assert ordered(ask, GENEVA, PLACES.get, behind=lambda name: PLACES.get(f"ip.{name}")) == [
        1,
        2,
        4,
        3,
    ]


points = st.builds(
    Position,
    st.one_of(st.sampled_from([-90.0, 0.0, 90.0]), st.floats(-90, 90)),
    st.one_of(st.sampled_from([-180.0, 0.0, 180.0]), st.floats(-180, 180)),
)


@given(points, st.lists(st.none() | points, min_size=1, max_size=12))
def test_any_places_are_each_numbered_once_by_distance(where, places):
    names = tuple(map(str, range(len(places))))
    if not any(places):
        with pytest.raises(BadRequest):
            ordered(GeoAsk("x", names), where, lambda name: places[int(name)])
        return
    numbers = ordered(GeoAsk("x", names), where, lambda name: places[int(name)])
    assert sorted(numbers) == list(range(1, len(places) + 1))
    found = [place for number in numbers if (place := places[number - 1]) is not None]
    far = [great_circle_km(where, place) for place in found]
    assert far == sorted(far)
    lost = [number for number in numbers if places[number - 1] is None]
    assert lost == sorted(lost)
    assert numbers[len(numbers) - len(lost) :] == lost


def test_answers():
    order = render_order([2, 1, 3])
    assert (order.status, order.body, order.max_age_s) == (200, b"2,1,3\n", 3600)
    refused = render_refusal("no slash in geo path")
    assert (refused.status, refused.body, refused.max_age_s) == (
        400,
        b"Bad Request: no slash in geo path\n",
        300,
    )
