"""Questions answered whole: who is believed, what is kept, and for how long."""

from ipaddress import ip_address, ip_network

import pytest

from shoalpy.geoapi import GeoApiPolicy
from shoalpy.geoapi_lookup import HOLDS_S, AddressBook
from shoalpy.web.geo import GeoApi
from ugrpy.locality import Position
from ugrpy.testing import FakeClock

GENEVA, BATAVIA = Position(46.2, 6.15), Position(41.85, -88.31)
CERN, FNAL, NOWHERE = map(ip_address, ("192.0.2.1", "198.51.100.1", "203.0.113.1"))


class Bench:
    """An interface to two servers, whose places and addresses may change."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.places = {CERN: GENEVA, FNAL: BATAVIA}
        self.names = {"a.example": CERN, "b.example": FNAL}
        self.trouble = False
        self.located = 0
        self.book = AddressBook(self.ask, clock=self.clock, kept=100)
        self.api = GeoApi(self.position_of, self.book, GeoApiPolicy())

    async def ask(self, name: str):
        if self.trouble:
            raise OSError("no name server")
        return [self.names[name]] if name in self.names else []

    def position_of(self, address):
        self.located += 1
        return self.places.get(address)

    async def of(self, asked: str, client=CERN, **headers: str) -> tuple[str, int]:
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.api.answer(f"/api/v1.0/geo/{asked}", said, client=client)
        return answer.body.decode().rstrip("\n"), answer.max_age_s


@pytest.fixture
async def bench():
    bench = Bench()
    yield bench
    await bench.book.close()


async def test_an_order_is_kept_by_who_is_ordered_and_seen_from_where(bench):
    assert await bench.of("x/a.example,b.example") == ("1,2", 3600)
    located = bench.located
    assert await bench.of("y/a.example,b.example") == ("1,2", 3600)
    # only the caller was looked for again
    assert bench.located == located + 1
    assert await bench.of("y/a.example,b.example", client=FNAL) == ("2,1", 3600)
    assert await bench.of("y/b.example,a.example") == ("2,1", 3600)
    assert await bench.of("b.example/a.example,b.example") == ("2,1", 3600)
    assert await bench.of("x/a.example,b.example", X_Forwarded_For=str(FNAL)) == ("2,1", 3600)
    assert await bench.of("x/a.example,+PXYSEP+,b.example") == ("1,3,2", 3600)


async def test_what_is_kept_ends_when_places_are_known_otherwise(bench):
    assert await bench.of("x/a.example,b.example") == ("1,2", 3600)
    bench.places = {CERN: BATAVIA, FNAL: GENEVA}
    bench.api.forget()
    assert await bench.of(f"{NOWHERE}/a.example,b.example", client=FNAL) == ("2,1", 3600)


async def test_what_is_kept_ends_when_names_have_to_be_asked_for_again(bench):
    assert await bench.of("x/a.example,b.example") == ("1,2", 3600)
    bench.names = {"a.example": FNAL, "b.example": CERN}
    bench.clock.advance(HOLDS_S - 1)
    assert await bench.of("x/a.example,b.example") == ("1,2", 3600)
    bench.clock.advance(HOLDS_S + 1)
    assert await bench.of("x/a.example,b.example") == ("2,1", 3600)


async def test_what_is_kept_ends_when_a_name_has_another_address(bench):
    assert await bench.of("x/a.example,b.example") == ("1,2", 3600)
    bench.clock.advance(HOLDS_S / 2)
    assert await bench.of("x/c.example,a.example") == ("2,1", 3600)
    bench.clock.advance(HOLDS_S / 2 + 1)
    bench.names["a.example"] = FNAL
    version = bench.book.version
    # old by now, and used once more while it is asked for again
    await bench.of("x/a.example,b.example")
    bench.clock.advance(HOLDS_S)
    await bench.of("a.example/c.example,a.example")
    assert bench.book.version > version
    assert await bench.of("x/c.example,a.example", client=FNAL) == ("2,1", 3600)


async def test_an_answer_made_in_trouble_is_not_kept(bench):
    bench.trouble = True
    assert await bench.of(f"x/b.example,{CERN}") == ("2,1", 300)
    bench.trouble = False
    bench.clock.advance(HOLDS_S)
    assert await bench.of(f"x/b.example,{CERN}", client=FNAL) == ("1,2", 3600)


async def test_refusals(bench):
    for asked, reason in (
        ("x", "no slash in geo path"),
        ("x/no.example", "no server addr found in database"),
        ("x/" + ",".join(201 * ["a.example"]), "more than 200 names"),
    ):
        assert await bench.of(asked) == (f"Bad Request: {reason}", 300)
    for client in (NOWHERE, None):
        reason = "Bad Request: remote addr not found in database"
        assert await bench.of("x/a.example", client=client) == (reason, 300)
    # for callers who are refused anyway nobody is asked
    assert await bench.of("_namelookups_/x") == ("1", 0)


def test_who_is_believed():
    def api(*networks: str) -> GeoApi:
        policy = GeoApiPolicy(trusted_proxies=tuple(map(ip_network, networks)))
        book = AddressBook(Bench().ask, clock=FakeClock(), kept=1)
        return GeoApi(lambda _: None, book, policy)

    assert api().believes("192.0.2.1")
    some = api("192.0.2.0/24", "2001:db8::/32")
    assert [
        some.believes(peer)
        for peer in ("192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", None, "", "192.0.3.1", "?")
    ] == [True, True, True, True, True, False, False]
