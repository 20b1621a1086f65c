"""Names are asked for once, remembered for a while, and never more than can be borne."""

import asyncio
from ipaddress import ip_address

import pytest

from shoalpy.geoapi_lookup import HOLDS_S, MOST_ASKED, TROUBLE_HOLDS_S, AddressBook
from ugrpy.testing import FakeClock


class Names:
    """A name service: what it knows, what it was asked, and whether it answers."""

    def __init__(self) -> None:
        self.known: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.trouble: OSError | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def ask(self, name: str):
        self.asked.append(name)
        await self.may_answer.wait()
        if self.trouble is not None:
            raise self.trouble
        return [ip_address(text) for text in self.known.get(name, ())]


class Bench:
    """A book over such a service."""

    def __init__(self, kept: int = 100) -> None:
        self.names = Names()
        self.clock = FakeClock()
        self.book = AddressBook(self.names.ask, clock=self.clock, kept=kept)

    async def of(self, name: str) -> list[str]:
        await self.book.learn([name])
        return self.now(name)

    def now(self, name: str) -> list[str]:
        return [str(address) for address in self.book.addresses(name)]

    async def settle(self) -> None:
        async with asyncio.timeout(30):
            while ", 0 asked" not in repr(self.book):
                await asyncio.sleep(0)


@pytest.fixture
async def bench():
    bench = Bench()
    bench.names.known = {"a.example": ["192.0.2.1"], "b.example": ["192.0.2.2"]}
    yield bench
    await bench.book.close()


async def test_one_address_of_each_family_ipv4_first(bench):
    bench.names.known["both.example"] = ["2001:db8::1", "192.0.2.9", "2001:db8::2", "192.0.2.8"]
    assert await bench.of("both.example") == ["192.0.2.9", "2001:db8::1"]


async def test_addresses_and_impossible_names_are_not_asked_for(bench):
    assert await bench.of("192.0.2.7") == ["192.0.2.7"]
    assert await bench.of("2001:db8::7") == ["2001:db8::7"]
    for name in ("", "dotless", "a.example:80", "1.2.3"):
        assert await bench.of(name) == []
    assert bench.names.asked == []
    assert bench.book.all_sure(["192.0.2.7", "dotless", ""])
    assert not bench.book.all_sure(["192.0.2.7", "a.example"])


async def test_what_is_said_holds_for_five_minutes_be_it_nothing(bench):
    for _ in range(2):
        assert await bench.of("a.example") == ["192.0.2.1"]
        assert await bench.of("none.example") == []
        bench.clock.advance(HOLDS_S / 3)
    assert bench.names.asked == ["a.example", "none.example"]
    assert bench.book.lookups == 2
    assert bench.book.all_sure(["a.example", "none.example"])


async def test_what_is_a_little_old_is_used_while_it_is_asked_anew(bench):
    await bench.of("a.example")
    bench.clock.advance(HOLDS_S + 1)
    bench.names.known["a.example"] = ["192.0.2.99"]
    bench.names.may_answer.clear()
    assert await bench.of("a.example") == ["192.0.2.1"]
    bench.names.may_answer.set()
    await bench.settle()
    assert bench.now("a.example") == ["192.0.2.99"]
    assert bench.names.asked == ["a.example", "a.example"]


async def test_what_is_old_is_waited_for(bench):
    await bench.of("a.example")
    bench.clock.advance(2 * HOLDS_S)
    bench.names.known["a.example"] = []
    assert await bench.of("a.example") == []


async def test_when_nobody_can_say_the_last_that_was_known_stays_for_a_little(bench):
    await bench.of("a.example")
    bench.clock.advance(2 * HOLDS_S)
    bench.names.trouble = OSError("no name server")
    assert await bench.of("a.example") == ["192.0.2.1"]
    assert await bench.of("b.example") == []
    assert not bench.book.all_sure(["a.example"])
    assert not bench.book.all_sure(["b.example"])
    asked = len(bench.names.asked)
    await bench.of("b.example")
    assert len(bench.names.asked) == asked
    bench.names.trouble = None
    bench.clock.advance(TROUBLE_HOLDS_S)
    # nothing was known of it, so that is waited for
    assert await bench.of("b.example") == ["192.0.2.2"]
    assert bench.book.all_sure(["b.example"])


async def test_a_name_is_asked_for_once_whoever_waits(bench):
    bench.names.may_answer.clear()
    waiting = [asyncio.ensure_future(bench.of("a.example")) for _ in range(5)]
    while not bench.names.asked:
        await asyncio.sleep(0)
    waiting[0].cancel()
    bench.names.may_answer.set()
    assert await asyncio.gather(*waiting[1:]) == 4 * [["192.0.2.1"]]
    assert bench.names.asked == ["a.example"]


async def test_the_least_recently_used_name_is_forgotten():
    bench = Bench(kept=2)
    for name in ("a.example", "b.example", "a.example", "c.example", "a.example"):
        await bench.of(name)
    assert len(bench.book) == 2
    assert bench.names.asked == ["a.example", "b.example", "c.example"]
    await bench.of("b.example")
    assert bench.names.asked == ["a.example", "b.example", "c.example", "b.example"]
    await bench.book.close()


async def test_only_so_many_are_asked_for_at_once(bench):
    bench.names.may_answer.clear()
    many = [f"n{n}.example" for n in range(MOST_ASKED)]
    waiting = asyncio.ensure_future(bench.book.learn(many))
    while not bench.names.asked:
        await asyncio.sleep(0)
    # there is no place for another, so nothing is waited for
    assert await bench.of("a.example") == []
    assert not bench.book.all_sure(["a.example"])
    bench.names.may_answer.set()
    await waiting
    assert len(bench.book) == 100
    assert await bench.of("a.example") == ["192.0.2.1"]
