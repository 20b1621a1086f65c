"""Reverse zones are asked about beside, once for many addresses, and remembered."""

import asyncio
from ipaddress import ip_address

import pytest

from shoalpy.reverse_zone import ReverseZones, zone_names
from ugrpy.testing import FakeClock

HERE = ip_address("192.0.2.7")
ZONE = "2.0.192.in-addr.arpa"


class Names:
    """A name service: what it knows, what it was asked, and whether it answers."""

    def __init__(self) -> None:
        self.mailboxes: dict[str, str] = {}
        self.asked: list[str] = []
        self.trouble: OSError | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def ask(self, name: str) -> str | None:
        self.asked.append(name)
        await self.may_answer.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.mailboxes.get(name)


class Bench:
    """Zones over such a service, with what they told."""

    def __init__(self) -> None:
        self.names = Names()
        self.clock = FakeClock()
        self.told = asyncio.Event()
        self.zones = ReverseZones(
            self.names.ask, clock=self.clock, learned=self.told.set, tell_after_s=0
        )

    async def settle(self) -> None:
        async with asyncio.timeout(30):
            while ", 0 asked" not in repr(self.zones):
                await asyncio.sleep(0)

    async def learned(self) -> None:
        async with asyncio.timeout(30):
            await self.told.wait()
        self.told.clear()


@pytest.fixture
async def bench():
    bench = Bench()
    yield bench
    await bench.zones.close()


@pytest.mark.parametrize(
    ("address", "names"),
    [
        ("192.0.2.7", ["2.0.192.in-addr.arpa", "0.192.in-addr.arpa"]),
        (
            "2001:db8:12:3456::1",
            [
                "2.1.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                "1.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                "0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                "0.8.b.d.0.1.0.0.2.ip6.arpa",
                "8.b.d.0.1.0.0.2.ip6.arpa",
                "b.d.0.1.0.0.2.ip6.arpa",
            ],
        ),
    ],
)
def test_names(address, names):
    assert list(zone_names(ip_address(address))) == names


async def test_nothing_at_first_and_the_mailbox_soon(bench):
    bench.names.mailboxes[ZONE] = "dns.example.org"
    assert bench.zones.mailbox_of(HERE) is None
    await bench.learned()
    assert bench.zones.mailbox_of(HERE) == "dns.example.org"
    assert bench.names.asked == [ZONE]


async def test_the_larger_zone_is_asked_for_when_there_is_no_smaller(bench):
    bench.names.mailboxes["0.192.in-addr.arpa"] = "dns.example.org"
    bench.zones.mailbox_of(HERE)
    await bench.learned()
    assert bench.zones.mailbox_of(HERE) == "dns.example.org"
    assert bench.names.asked == [ZONE, "0.192.in-addr.arpa"]


async def test_neighbours_are_asked_about_once(bench):
    bench.names.may_answer.clear()
    for host in range(50):
        assert bench.zones.mailbox_of(ip_address(f"192.0.2.{host}")) is None
    bench.names.mailboxes[ZONE] = "dns.example.org"
    bench.names.may_answer.set()
    await bench.learned()
    assert bench.zones.mailbox_of(ip_address("192.0.2.99")) == "dns.example.org"
    assert bench.names.asked == [ZONE]


async def test_that_there_is_none_is_remembered_for_ten_minutes(bench):
    bench.zones.mailbox_of(HERE)
    await bench.settle()
    bench.clock.advance(599)
    bench.zones.mailbox_of(HERE)
    await bench.settle()
    assert len(bench.names.asked) == 2
    assert not bench.told.is_set()

    bench.names.mailboxes[ZONE] = "dns.example.org"
    bench.clock.advance(1)
    bench.zones.mailbox_of(HERE)
    await bench.learned()
    assert bench.zones.mailbox_of(HERE) == "dns.example.org"


async def test_a_mailbox_holds_for_hours_and_longer_while_nobody_answers(bench):
    bench.names.mailboxes[ZONE] = "dns.example.org"
    bench.zones.mailbox_of(HERE)
    await bench.learned()
    bench.clock.advance(6 * 3600 - 1)
    assert bench.zones.mailbox_of(HERE) == "dns.example.org"
    await bench.settle()
    assert len(bench.names.asked) == 1

    bench.names.trouble = ConnectionRefusedError("nobody there")
    bench.clock.advance(1)
    assert bench.zones.mailbox_of(HERE) == "dns.example.org"
    await bench.settle()
    assert len(bench.names.asked) == 2
    assert bench.zones.mailbox_of(HERE) == "dns.example.org"
    assert not bench.told.is_set()


async def test_only_a_few_are_asked_at_once(bench):
    bench.names.may_answer.clear()
    for net in range(200):
        bench.zones.mailbox_of(ip_address(f"198.18.{net}.1"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(bench.names.asked) == 16
    bench.names.may_answer.set()
    await bench.settle()
    assert len(set(bench.names.asked)) == 201  # each once, and the zone above them
    assert repr(bench.zones) == "<ReverseZones 200 known, 0 asked>"


async def test_closing_ends_what_is_asked(bench):
    bench.names.may_answer.clear()
    bench.zones.mailbox_of(HERE)
    await asyncio.sleep(0)
    await bench.zones.close()
    assert repr(bench.zones) == "<ReverseZones 0 known, 0 asked>"
