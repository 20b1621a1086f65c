"""The Geo-API of a running server, with a name server that says what was asked of it."""

import http.client
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from random import Random

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from tests.functional.shoalpy.geo_oracle import Oracle, Point, Question, arc
from tests.functional.shoalpy.naming import NameServer
from tests.functional.shoalpy.shoal import BATAVIA, GENEVA, NOWHERE, VICTORIA, Shoal

pytestmark = pytest.mark.functional

# In the places that every server of these tests knows.
CERN, FNAL, UVIC, UNPLACED = "192.0.2.7", "198.51.100.7", "203.0.113.7", "100.64.0.7"
NAMES = {
    "s1.cern.example": (CERN,),
    "s1.fnal.example": (FNAL,),
    "s6.fnal.example": ("2001:db8:12::7",),
    # the database knows nothing of its IPv4 address
    "s2.fnal.example": (UNPLACED, "2001:db8:12::8"),
    "s1.uvic.example": (UVIC,),
    "proxy.cern.example": (CERN,),
    "proxy.fnal.example": (FNAL,),
    "unplaced.example": (UNPLACED,),
    # before and behind a network of caches
    "cdn.example": (CERN,),
    "ip.cdn.example": (UVIC,),
}
ALL = "s1.cern.example,s1.fnal.example,s1.uvic.example"


@pytest.fixture(scope="module")
def names() -> Iterator[NameServer]:
    with NameServer() as server:
        server.names.update(NAMES)
        yield server


@pytest.fixture(scope="module")
def start(start_shoal, names):
    def start(more: str = "", after: str = "") -> Shoal:
        shoal: Shoal = start_shoal(f'[geoapi]\nnameservers = ["{names.where}"]\n{more}\n{after}')
        return shoal

    return start


@pytest.fixture(scope="module")
def shoal(start) -> Shoal:
    found: Shoal = start()
    return found


def geo(
    shoal: Shoal,
    caching: str,
    listed: str,
    source: str = NOWHERE,
    headers: Mapping[str, str] | None = None,
) -> str:
    """The numbers, or what is said instead."""
    answer = shoal.ask(f"/api/v1.0/geo/{caching}/{listed}", source=source, headers=headers)
    return answer.text.removesuffix("\n")


# -- the contract ----------------------------------------------------------------------------------


@pytest.mark.row("S67")
@pytest.mark.parametrize(
    "start_of_path",
    [
        "/cvmfs/sft.cern.ch/api/v1.0/geo",
        "/api/v1.0/geo",
        "/cvmfs/no.such.repository/api/v99/geo",
        "/api/v/geo",
    ],
)
def test_servers_are_numbered_from_one_the_nearest_first(shoal, start_of_path):
    for source, numbers in ((GENEVA, "1,2,3"), (BATAVIA, "2,3,1"), (VICTORIA, "3,2,1")):
        answer = shoal.ask(f"{start_of_path}/10f1c2d4/{ALL}", source=source)
        assert (answer.status, answer.body) == (200, f"{numbers}\n".encode())
        assert answer.headers["cache-control"] == "max-age=3600"
        assert answer.headers["content-type"] == "text/plain"


@pytest.mark.row("S67")
def test_servers_that_nobody_can_place_are_last_in_their_order(shoal):
    listed = f"unplaced.example,no.such.example,{UVIC},s1.fnal.example,dotless,s6.fnal.example,a b"
    assert geo(shoal, "x", listed.replace(" ", "%20"), BATAVIA) == "4,6,3,1,2,5,7"
    assert geo(shoal, "x", "s2.fnal.example,s1.cern.example", BATAVIA) == "1,2"
    assert geo(shoal, "x", f"[::1],,2001:db8:12::9,{CERN}", GENEVA) == "4,3,1,2"
    assert geo(shoal, "x", CERN, GENEVA) == "1"


@pytest.mark.row("S67")
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/api/1.0/geo/x/a.example", "malformed api URL: /api/1.0/geo/x/a.example"),
        ("/cvmfs/r/api/geo", "malformed api URL: /cvmfs/r/api/geo"),
        ("/cvmfs/r/api/v1.0/gio/x/a.example", "unrecognized api function"),
        ("/cvmfs/r/api/v1.0/geo/x", "no slash in geo path"),
        (f"/api/v1.0/geo/x/{CERN}", "remote addr not found in database"),
        (f"/api/v1.0/geo/{CERN}/no.such.example,dotless", "no server addr found in database"),
        (f"/api/v1.0/geo/{CERN}/", "no server addr found in database"),
        (f"/api/v1.0/geo/{CERN}/dotless,+PXYSEP+,{CERN}", "no server addr found in database"),
    ],
)
def test_refusals_have_the_words_of_the_original(shoal, path, reason):
    answer = shoal.ask(path)
    assert (answer.status, answer.text) == (400, f"Bad Request: {reason}\n")
    assert answer.headers["cache-control"] == "max-age=300"
    assert answer.headers["content-type"] == "text/plain"


def test_what_is_no_question_of_this_kind(shoal, start):
    assert shoal.ask("/cvmfs/sft.cern.ch/.cvmfspublished").status == 404
    assert shoal.ask(f"/api/v1.0/geo/x/{ALL}", method="POST").status == 405
    head = shoal.ask(f"/api/v1.0/geo/x/{ALL}", method="HEAD", source=GENEVA)
    assert (head.status, head.headers["content-length"], head.body) == (200, "6", b"")
    assert start("enabled = false").ask(f"/api/v1.0/geo/x/{ALL}", source=GENEVA).status == 404


# -- who asks --------------------------------------------------------------------------------------

CF, XFF = "CF-Connecting-IP", "X-Forwarded-For"


@pytest.mark.row("S68")
@pytest.mark.parametrize(
    ("caching", "headers", "numbers"),
    [
        ("proxy.cern.example", {CF: UVIC, XFF: FNAL}, "1,2,3"),
        (CERN, {XFF: FNAL}, "1,2,3"),
        ("2001:db8:12::1", {CF: CERN}, "2,3,1"),
        ("3f2504e0-4f89-11d3-9a0c", {CF: UVIC, XFF: FNAL}, "3,2,1"),
        ("unplaced.example", {CF: UVIC, XFF: FNAL}, "3,2,1"),
        ("x", {CF: UNPLACED, XFF: FNAL}, "2,3,1"),
        ("x", {CF: "proxy.cern.example", XFF: FNAL}, "2,3,1"),
        ("x", {XFF: f"{CERN}, {UVIC},{FNAL}"}, "2,3,1"),
        ("x", {XFF: f"{FNAL}, {CERN}, {UVIC}"}, "3,2,1"),
        ("x", {XFF: f"{FNAL}, {UNPLACED}"}, "1,2,3"),
        ("x", {XFF: f"{FNAL}, nonsense"}, "1,2,3"),
        ("no.such.example", {}, "1,2,3"),
    ],
)
def test_the_first_that_can_be_placed_is_who_asks(shoal, caching, headers, numbers):
    assert geo(shoal, caching, ALL, GENEVA, headers) == numbers


@pytest.mark.row("S68")
def test_headers_count_from_trusted_proxies_only_once_there_are_some(start):
    shoal = start(f'trusted_proxies = ["{GENEVA}", "2001:db8::/32"]')
    for headers, believed in (({XFF: FNAL}, "2,3,1"), ({CF: UVIC}, "3,2,1")):
        assert geo(shoal, "x", ALL, GENEVA, headers) == believed
        assert geo(shoal, "x", ALL, BATAVIA, headers) == "2,3,1"
    assert geo(shoal, "x", ALL, VICTORIA, {XFF: FNAL, CF: CERN}) == "3,2,1"
    # the caching string is nobody's header
    assert geo(shoal, CERN, ALL, VICTORIA) == "1,2,3"


def test_behind_a_network_of_caches_servers_are_looked_for_at_their_own_addresses(shoal):
    assert geo(shoal, "x", "s1.fnal.example,cdn.example", GENEVA) == "2,1"
    assert geo(shoal, CERN, "cdn.example,s1.fnal.example", headers={CF: CERN}) == "2,1"
    # one that has no such name is where it is
    assert geo(shoal, CERN, "s1.fnal.example,s1.cern.example", headers={CF: CERN}) == "2,1"


# -- fallback proxies ------------------------------------------------------------------------------


@pytest.mark.row("S69")
@pytest.mark.parametrize(
    ("listed", "source", "numbers"),
    [
        # the layout of the reference: servers, proxies, the separator's own number
        ("s1.cern.example,+PXYSEP+,proxy.cern.example,proxy.fnal.example", GENEVA, "1,3,4,2"),
        ("s1.cern.example,+PXYSEP+,proxy.cern.example,proxy.fnal.example", BATAVIA, "1,4,3,2"),
        # a caller in Victoria is nearer to Batavia's proxy, which is nearer to its own server than to the caller's
        ("s1.uvic.example,s1.fnal.example,+PXYSEP+,proxy.cern.example,proxy.fnal.example", VICTORIA, "2,1,5,4,3"),
        ("s1.uvic.example,s1.fnal.example", VICTORIA, "1,2"),
        # without a proxy that can be placed it is the caller that counts
        ("s1.uvic.example,s1.cern.example,+PXYSEP+,no.such.example", GENEVA, "2,1,4,3"),
        ("s1.uvic.example,s1.cern.example,+PXYSEP+", GENEVA, "2,1,3"),
        ("s1.uvic.example,s1.cern.example,%2BPXYSEP%2B", GENEVA, "2,1,3"),
    ],
)  # fmt: skip
def test_servers_are_ordered_from_the_nearest_proxy(shoal, listed, source, numbers):
    assert geo(shoal, "x", listed, source) == numbers


# -- abuse -----------------------------------------------------------------------------------------


@pytest.mark.row("S70")
@pytest.mark.parametrize(
    "caching",
    [
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "localhost",
        "proxy.cern.example:3128",
        "a_b.example",
        "$(id).example",
        "a%00b.example",
        "300.300.300.300",
        "1.2",
        "@proxy@",
        "a." + 51 * "name." + "long",
    ],
)
def test_hostile_names_cause_no_questions(shoal, names, caching):
    before = len(names.asked)
    looked_up = geo(shoal, "_namelookups_", "x")
    assert geo(shoal, caching, CERN, GENEVA) == "1"
    assert geo(shoal, "x", f"{caching},{CERN}", GENEVA) == "2,1"
    assert (len(names.asked), geo(shoal, "_namelookups_", "x")) == (before, looked_up)


@pytest.mark.row("S70")
def test_what_is_remembered_has_an_end(start, names):
    shoal = start("kept_names = 2")
    names.names.update({f"kept{n}.example": (CERN,) for n in range(3)})

    def asked() -> list[int]:
        return [names.count(f"kept{n}.example") for n in range(3)]

    for name, counts in ((0, [1, 0, 0]), (0, [1, 0, 0]), (1, [1, 1, 0]), (2, [1, 1, 1])):
        assert geo(shoal, "x", f"kept{name}.example", GENEVA) == "1"
        assert asked() == counts
    # the first has been forgotten, the last not
    assert geo(shoal, "x", "kept2.example", GENEVA) == "1"
    assert geo(shoal, "x", "kept0.example", GENEVA) == "1"
    assert asked() == [2, 1, 1]


@pytest.mark.row("S70")
def test_a_question_has_an_end(start):
    shoal = start("max_names = 3")
    assert geo(shoal, "x", ALL, GENEVA) == "1,2,3"
    answer = shoal.ask(f"/api/v1.0/geo/x/{ALL},a.example", source=GENEVA)
    assert (answer.status, answer.text) == (400, "Bad Request: more than 3 names\n")


FAR_APART = """
[[geo.networks]]
networks = ["10.1.0.0/16"]
position = [46.2, -173.85]
[[geo.networks]]
networks = ["10.2.0.0/16"]
position = [-46.2, -173.85]
[[geo.networks]]
networks = ["10.3.0.0/16"]
position = [90.0, 12.3]
[[geo.networks]]
networks = ["10.4.0.0/16"]
position = [-90.0, 45.6]
[[geo.networks]]
networks = ["10.5.0.0/16"]
position = [46.20000000001, 6.15]
"""


@pytest.mark.row("S70")
def test_distances_hold_at_the_ends_of_the_earth(start):
    shoal = start(after=FAR_APART)
    listed = "10.2.1.1,10.4.1.1,10.1.1.1,10.3.1.1,10.5.1.1"
    # Geneva's antipodes are the farthest, a hand's breadth the nearest
    assert geo(shoal, CERN, listed) == "5,4,3,2,1"
    assert geo(shoal, "10.3.0.1", "10.4.1.1,10.3.9.9") == "2,1"
    assert geo(shoal, "10.2.0.1", f"{CERN},10.4.1.1,10.2.2.2") == "3,2,1"


def test_a_name_server_in_trouble_is_not_believed_for_an_hour(shoal, names):
    names.broken.add("broken.example")
    answer = shoal.ask(f"/api/v1.0/geo/x/broken.example,{CERN}", source=GENEVA)
    assert (answer.status, answer.text) == (200, "2,1\n")
    assert answer.headers["cache-control"] == "max-age=300"


def test_a_new_database_moves_servers_and_callers(start, tmp_path):
    file = tmp_path / "City.mmdb"
    near, far = (46.0, 6.0), (-33.87, 151.21)
    write_database(file, {"198.18.1.0/24": near, "198.18.2.0/24": far})
    shoal = start(after=f"[geo]\ndatabases = ['{file}']\ncheck_s = 0.05\n")
    assert geo(shoal, "x", "198.18.1.1,198.18.2.1", GENEVA) == "1,2"
    write_database(tmp_path / "fresh", {"198.18.1.0/24": far, "198.18.2.0/24": near})
    (tmp_path / "fresh").replace(file)
    shoal.until(lambda: geo(shoal, "x", "198.18.1.1,198.18.2.1", GENEVA) == "2,1")
    assert geo(shoal, "198.18.1.9", "198.18.1.1,198.18.2.1") == "1,2"


# -- against the contract --------------------------------------------------------------------------

QUESTIONS = 10_000


def random_points(rng: Random) -> dict[str, Point]:
    """Positions by the first 24 or 48 bits of an address; some twice, some opposite each other."""
    points: list[Point] = []
    for _ in range(150):
        point = (round(rng.uniform(-90, 90), 4), round(rng.uniform(-180, 180), 4))
        if points and rng.random() < 0.2:
            point = rng.choice(points)
        if points and rng.random() < 0.1:
            north, east = rng.choice(points)
            point = (-north, round(east + (180 if east < 0 else -180), 4))
        points.append(point)
    networks = [*(f"198.18.{n}.0/24" for n in range(100)), *(f"2001:db8:{n}::/48" for n in range(100, 150))]  # fmt: skip
    return dict(zip(networks, points, strict=True))


def write_database(path: Path, points: Mapping[str, Point]) -> None:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="GeoLite2-City")
    for network, (latitude, longitude) in points.items():
        location = {"latitude": latitude, "longitude": longitude}
        writer.insert_network(IPSet([network]), {"location": location})
    writer.to_db_file(str(path))


class Draws:
    """Random questions about random names."""

    def __init__(self, rng: Random, networks: list[str]) -> None:
        self._rng = rng
        self._networks = networks
        self.names = {f"n{n}.rnd.example": self._addresses() for n in range(150)}
        for n in range(0, 150, 3):
            self.names[f"ip.n{n}.rnd.example"] = self._addresses()

    def _address(self, versions: str = "46") -> str:
        if self._rng.random() < 0.15:
            return self._rng.choice([UNPLACED, "2001:db8:ffff::1"]) if versions == "46" else {"4": UNPLACED, "6": "2001:db8:ffff::1"}[versions]  # fmt: skip
        fitting = [net for net in self._networks if ("6" if ":" in net else "4") in versions]
        base = self._rng.choice(fitting).partition("/")[0]
        return str(ip_address(base) + self._rng.randrange(1, 250))

    def _addresses(self) -> tuple[str, ...]:
        families = self._rng.choice(["4", "4", "6", "46"])
        return tuple(self._address(family) for family in families)

    def _name(self) -> str:
        kind = self._rng.random()
        if kind < 0.7:
            return f"n{self._rng.randrange(150)}.rnd.example"
        if kind < 0.9:
            return self._address()
        return self._rng.choice(["gone.rnd.example", "dotless", "a_b.example", ""])

    def question(self) -> Question:
        rng = self._rng
        headers = {}
        if rng.random() < 0.15:
            headers[CF] = self._address()
        if rng.random() < 0.5:
            separator = rng.choice([", ", ","])
            headers[XFF] = separator.join(self._address() for _ in range(rng.randint(1, 3)))
        listed = [self._name() for _ in range(rng.randint(1, 8))]
        if rng.random() < 0.25:
            listed.insert(rng.randrange(len(listed) + 1), "+PXYSEP+")
        caching = f"{rng.getrandbits(64):x}" if rng.random() < 0.4 else self._name()
        peer = rng.choice([GENEVA, BATAVIA, VICTORIA, NOWHERE])
        return Question(caching, tuple(listed), headers, peer)


@pytest.mark.row("S71")
def test_ten_thousand_random_questions(start, names, tmp_path):
    rng = Random(20_251)
    points = random_points(rng)
    write_database(tmp_path / "City.mmdb", points)
    draws = Draws(rng, list(points))
    names.names.update(draws.names)
    shoal = start(after=f"[geo]\ndatabases = ['{tmp_path / 'City.mmdb'}']\n")
    # as they stand in the operator's map of every server here
    by_hand = {GENEVA: (46.2, 6.15), BATAVIA: (41.85, -88.31), VICTORIA: (48.46, -123.31)}

    def placed(address: str) -> Point | None:
        if ":" in address:
            return points.get(":".join(address.split(":")[:3]) + "::/48")
        return by_hand.get(address) or points.get(address.rpartition(".")[0] + ".0/24")

    oracle = Oracle(placed, draws.names)
    connections = {
        peer: http.client.HTTPConnection(
            shoal.process.address, shoal.process.port, timeout=30, source_address=(peer, 0)
        )
        for peer in (*by_hand, NOWHERE)
    }
    wrong, statuses, told_apart = [], {200: 0, 400: 0}, 0
    for _ in range(QUESTIONS):
        question = draws.question()
        connection = connections[question.peer]
        connection.request("GET", question.path, headers=dict(question.headers))
        answer = connection.getresponse()
        body = answer.read().decode()
        statuses[answer.status] += 1
        told_apart += len(question.listed) > 2
        if verdict := oracle.verdict(question, answer.status, body):
            wrong.append((question, verdict))
    for connection in connections.values():
        connection.close()
    assert wrong == []
    # the questions were worth asking
    assert statuses[200] > 0.8 * QUESTIONS
    assert statuses[400] > 0.02 * QUESTIONS
    assert told_apart > 0.5 * QUESTIONS


def test_the_oracle_says_no():
    points = {"198.18.0.1": (0.0, 0.0), "198.18.0.2": (0.0, 10.0), "198.18.0.3": (0.0, 20.0)}
    oracle = Oracle(points.get, {})
    servers = ("198.18.0.3", "198.18.0.2", "198.18.0.2", "?")
    asked = Question("198.18.0.1", servers, {}, NOWHERE)
    assert oracle.verdict(asked, 200, "2,3,1,4\n") == ""
    for body in ("3,2,1,4\n", "1,2,3,4\n", "2,3,4,1\n", "2,3,1\n", "2,3,1,4", "1,2,3,4,\n"):
        assert oracle.verdict(asked, 200, body) != "", body
    assert oracle.verdict(asked, 400, "2,3,1,4\n") != ""
    through = Question("198.18.0.1", (*servers, "+PXYSEP+", "198.18.0.3"), {}, NOWHERE)
    assert oracle.verdict(through, 200, "1,2,3,4,6,5\n") == ""
    for body in ("2,3,1,4,6,5\n", "1,2,3,4,5,6\n", "1,2,3,6,4,5\n"):
        assert oracle.verdict(through, 200, body) != "", body
    lost = Question("x", servers, {}, NOWHERE)
    assert oracle.verdict(lost, 400, "Bad Request: remote addr not found in database\n") == ""
    assert oracle.verdict(lost, 200, "1,2,3,4\n") != ""
    assert re.match(r"3\.14159", str(arc((0, 0), (0, 180))))
