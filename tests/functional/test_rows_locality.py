"""Who is sent where: fuzz, unknown places, IPv6, positions and weights (rows D26, D29, D30, D31)."""

from collections.abc import Mapping
from contextlib import ExitStack

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.functional.helpers.answers import duplicates, parse_metalink4
from tests.functional.helpers.asking import ask_from, wait_for_service
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.spread import bases, everyone_has_spoken, sent_to
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter
from tests.peers.process import free_port
from ugrpy.testing import StorageElement, in_thread

pytestmark = pytest.mark.functional

MANY = 1000
V4 = "application/metalink4+xml"

# -- the fuzz ------------------------------------------------------------------------------------------

# Along one meridian, where a degree is 111.2 km: westby 5 km from west, north 30 km, and east on another continent.
WEST, WESTBY, NORTH, EAST = (
    [48.40, -123.30],
    [48.445, -123.30],
    [48.67, -123.30],
    [46.2, 6.1],
)
CLIENTS = {"west": "127.0.71.1", "north": "127.0.72.1", "east": "127.0.73.1"}


@pytest.fixture(scope="module")
def near_and_far():
    with elements({name: tree_of("/f") for name in ("west", "westby", "north", "east")}) as running:
        yield bases(running)


@pytest.fixture(scope="module")
def fuzzy(near_and_far, tmp_path_factory):
    """A fuzz of 10 km."""
    places = {"west": WEST, "westby": WESTBY, "north": NORTH, "east": EAST}
    text = configuration(
        {n: {"url": near_and_far[n], "location": at, **QUIET} for n, at in places.items()},
        locality={"fuzz_km": 10},
        arrays=[
            (
                "locality.networks",
                {"networks": [f"{address}/32"], "position": places[name]},
            )
            for name, address in CLIENTS.items()
        ],
    )
    with GatewayStarter(tmp_path_factory.mktemp("fuzzy")) as start:
        gateway = start(config=text)
        everyone_has_spoken(f"{gateway.url}/f")
        yield gateway


@pytest.mark.row("D26")
def test_replicas_within_the_fuzz_share_1000_gets_about_evenly(fuzzy, near_and_far):
    counts = sent_to(near_and_far, f"{fuzzy.url}/f", MANY, source=CLIENTS["west"])
    assert counts.keys() == {"west", "westby"}
    # six standard deviations of a fair coin
    assert all(0.4 * MANY <= count <= 0.6 * MANY for count in counts.values()), counts


@pytest.mark.row("D26")
@pytest.mark.parametrize("place", ["north", "east"])
def test_outside_the_fuzz_the_nearest_gets_all(fuzzy, near_and_far, place):
    """From the north the next ones are 25 and 30 km farther away, from the east half a world."""
    counts = sent_to(near_and_far, f"{fuzzy.url}/f", MANY, source=CLIENTS[place])
    assert counts == {place: MANY}


@pytest.mark.row("D26")
def test_those_within_the_fuzz_come_before_the_others_in_either_order(fuzzy, near_and_far):
    orders = set()
    for _ in range(60):
        orders.add(tuple(duplicates(ask_from(CLIENTS["west"], "GET", f"{fuzzy.url}/f"))))
    level = [near_and_far[name] + "/f" for name in ("west", "westby")]
    others = [near_and_far[name] + "/f" for name in ("north", "east")]
    assert orders == {(*level, *others), (*reversed(level), *others)}


# -- the world, by IPv4 and by IPv6 --------------------------------------------------------------------

CITIES = {"victoria": (48.43, -123.37), "geneva": (46.20, 6.14), "tokyo": (35.68, 139.65)}
COUNTRIES = {"victoria": "CA", "geneva": "CH", "tokyo": "JP"}
# Seen from each city: 7560 km from Victoria to Tokyo, 8480 to Geneva, 9810 from Tokyo to Geneva.
NEAREST_FIRST = {
    "victoria": ["victoria", "tokyo", "geneva"],
    "geneva": ["geneva", "victoria", "tokyo"],
    "tokyo": ["tokyo", "victoria", "geneva"],
}
NETWORKS = {
    "::1/128": "victoria",
    "2001:db8:71::/48": "victoria",
    "2001:db8:72::/48": "geneva",
    "2001:db8:73::/48": "tokyo",
    "127.0.3.0/24": "tokyo",
    "127.0.81.0/24": "geneva",
}
NOWHERE = "2001:db8:99::7"
PROXY = "127.0.9.1"


def write_database(path) -> None:
    """A city database of both kinds of addresses, as those one can download are."""
    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City", languages=["en"]
    )
    for network, city in NETWORKS.items():
        latitude, longitude = CITIES[city]
        writer.insert_network(
            IPSet([network]),
            {
                "country": {"iso_code": COUNTRIES[city]},
                "location": {"latitude": latitude, "longitude": longitude},
            },
        )
    writer.to_db_file(str(path))


class World:
    """A gateway at an IPv4 and an IPv6 address, two endpoints at ``::1``, one at an IPv4 address; all hold ``/f``.

    The machine has one IPv6 address only, so the database places the endpoint in Victoria and the one in Tokyo, and the
    operator the one in Geneva, which the database would take for one in Victoria.
    """

    def __init__(self, urls: Mapping[str, str], v4: str, v6: str) -> None:
        self.urls = urls
        self.v4 = v4
        self.v6 = v6

    def order_for(self, url: str, source: str, headers: Mapping[str, str]) -> list[str]:
        """The endpoints in the metalink for a client at ``source`` with these headers."""
        answer = ask_from(source, "GET", f"{url}/f", {"Accept": V4, **headers})
        assert answer.status == 200
        by_url = {base + "/f": name for name, base in self.urls.items()}
        return [by_url[found] for found in parse_metalink4(answer.body).urls]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_database(folder / "city.mmdb")
    addresses = {"victoria": "::1", "geneva": "::1", "tokyo": "127.0.3.1"}
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(in_thread(StorageElement(tree_of("/f"), listen=(address, 0))))
            for name, address in addresses.items()
        }
        urls = {
            name: f"http://{f'[{host}]' if ':' in host else host}:{running[name].port}"
            for name, host in addresses.items()
        }
        tables = {name: {"url": url, **QUIET} for name, url in urls.items()}
        tables["geneva"]["location"] = list(CITIES["geneva"])
        port = free_port("127.0.0.1")
        gateway = stack.enter_context(GatewayStarter(folder))(
            config=configuration(tables),
            geoip=[folder / "city.mmdb"],
            trusted_proxies=[f"{PROXY}/32", "::1/128"],
            arguments=[f"--listen=[::1]:{port}"],
        )
        made = World(urls, gateway.url, f"http://[::1]:{port}")
        everyone_has_spoken(f"{made.v6}/f")
        yield made


@pytest.mark.row("D30")
@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("X-Forwarded-For", "{}"),
        ("X-Forwarded-For", "[{}]:4711"),
        ("Forwarded", 'for="[{}]:4711"'),
    ],
)
def test_ipv6_clients_are_ranked_by_distance(world, city, header, form):
    number = {"victoria": 71, "geneva": 72, "tokyo": 73}[city]
    headers = {header: form.format(f"2001:db8:{number}::5")}
    for url, proxy in ((world.v6, "::1"), (world.v4, PROXY)):
        assert world.order_for(url, proxy, headers) == NEAREST_FIRST[city]
        counts = sent_to(world.urls, f"{url}/f", 30, source=proxy, headers=headers)
        assert counts == {city: 30}


@pytest.mark.row("D30")
def test_a_client_that_comes_by_ipv6_itself_is_ranked_by_its_address(world):
    assert world.order_for(world.v6, "::1", {}) == NEAREST_FIRST["victoria"]
    assert sent_to(world.urls, f"{world.v6}/f", 30, source="::1") == {"victoria": 30}


@pytest.mark.row("D30")
def test_an_ipv4_client_is_ranked_among_ipv6_endpoints_however_its_address_is_written(world):
    assert world.order_for(world.v4, "127.0.81.7", {}) == NEAREST_FIRST["geneva"]
    for written in ("127.0.81.7", "::ffff:127.0.81.7", "[::ffff:7f00:5107]"):
        headers = {"X-Forwarded-For": written}
        assert world.order_for(world.v6, "::1", headers) == NEAREST_FIRST["geneva"]


@pytest.mark.row("D30")
def test_redirects_to_ipv6_endpoints_can_be_followed(world):
    headers = {"X-Forwarded-For": "2001:db8:72::5"}
    answer = ask_from("::1", "GET", f"{world.v6}/f", headers)
    assert answer.headers["location"].startswith("http://[::1]:")
    assert ask("GET", answer.headers["location"]).body == b"0123456789"


@pytest.mark.row("D29")
@pytest.mark.parametrize("who", ["IPv4", "IPv6 behind a proxy", "an address nobody can read"])
def test_a_client_of_unknown_place_is_spread_over_all(world, who):
    source, headers = {
        "IPv4": ("127.0.99.1", {}),
        "IPv6 behind a proxy": (PROXY, {"X-Forwarded-For": NOWHERE}),
        "an address nobody can read": (PROXY, {"Forwarded": "for=unknown"}),
    }[who]
    counts = sent_to(world.urls, f"{world.v4}/f", 900, source=source, headers=headers)
    assert counts.keys() == set(CITIES)
    # a third each, and five standard deviations
    assert all(230 <= count <= 370 for count in counts.values()), counts
    firsts = {world.order_for(world.v4, source, headers)[0] for _ in range(60)}
    assert firsts == set(CITIES)


# -- positions and weights -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weighed(tmp_path_factory):
    """Three at one place with weights 1, 3 and 0, and a heavy one far away."""
    trees = {
        "light": tree_of("/f", "/light-and-spare"),
        "heavy": tree_of("/f"),
        "spare": tree_of("/f", "/light-and-spare", "/only-spare"),
        "far": tree_of("/f"),
    }
    weights = {"light": 1, "heavy": 3, "spare": 0, "far": 1000}
    with elements(trees) as running, GatewayStarter(tmp_path_factory.mktemp("weighed")) as start:
        gateway = start(
            config=configuration(
                {
                    name: {
                        "url": running[name].base_url,
                        "location": EAST if name == "far" else WEST,
                        "weight": weight,
                    }
                    for name, weight in weights.items()
                },
                arrays=[
                    ("locality.networks", {"networks": ["127.0.71.0/24"], "position": WEST}),
                    ("locality.networks", {"networks": ["127.0.73.0/24"], "position": EAST}),
                ],
                health={"probe_interval_s": 0.2},
            )
        )
        everyone_has_spoken(f"{gateway.url}/f")
        yield gateway, running


@pytest.mark.row("D31")
def test_weights_of_1_and_3_give_shares_of_1_and_3(weighed):
    gateway, running = weighed
    counts = sent_to(bases(running), f"{gateway.url}/f", MANY, source=CLIENTS["west"])
    assert counts.keys() == {"light", "heavy"}
    # five standard deviations
    assert 180 <= counts["light"] <= 320, counts


@pytest.mark.row("D31")
def test_the_position_comes_before_the_weight(weighed):
    gateway, running = weighed
    assert sent_to(bases(running), f"{gateway.url}/f", 100, source=CLIENTS["east"]) == {"far": 100}
    for _ in range(10):
        answer = ask_from(CLIENTS["west"], "GET", f"{gateway.url}/f")
        assert duplicates(answer)[2:] == [
            f"{running[name].base_url}/f" for name in ("spare", "far")
        ]


@pytest.mark.row("D31")
def test_weight_0_is_used_only_when_there_is_no_other(weighed):
    gateway, running = weighed
    west = CLIENTS["west"]
    everyone_has_spoken(f"{gateway.url}/light-and-spare")
    counts = sent_to(bases(running), f"{gateway.url}/light-and-spare", 100, source=west)
    assert counts == {"light": 100}
    assert sent_to(bases(running), f"{gateway.url}/only-spare", 20, source=west) == {"spare": 20}
    for name in ("light", "heavy"):
        running[name].from_thread(running[name].refuse())
    try:
        for name in ("light", "heavy"):
            wait_for_service(gateway, name, serving=False)
        assert sent_to(bases(running), f"{gateway.url}/f", 50, source=west) == {"spare": 50}
    finally:
        for name in ("light", "heavy"):
            running[name].from_thread(running[name].accept())
    for name in ("light", "heavy"):
        wait_for_service(gateway, name, serving=True)
    counts = sent_to(bases(running), f"{gateway.url}/f", 50, source=west)
    assert counts.keys() == {"light", "heavy"}


@pytest.mark.row("D31")
def test_an_operators_position_stands_against_the_databases(world):
    """By the database everything at ::1 is in Victoria."""
    assert sent_to(
        world.urls, f"{world.v4}/f", 20, source=PROXY, headers={"X-Forwarded-For": "2001:db8:72::9"}
    ) == {"geneva": 20}
