"""SOA records asked of a name server over UDP, which here is a few lines that know two zones."""

import asyncio
import struct
from ipaddress import ip_address
from typing import cast

import pytest

from shoalpy.network import NetworkPolicy, Networks
from shoalpy.reverse_zone import ReverseZones, SoaResolver
from ugrpy.core.clock import SystemClock
from ugrpy.locality.facts import UNKNOWN_FACTS

pytestmark = pytest.mark.functional

ZONES = {
    "2.0.192.in-addr.arpa": "hostmaster.example.org",
    "8.b.d.0.1.0.0.2.ip6.arpa": "hostmaster.example.org",
    "100.51.198.in-addr.arpa": "somebody.example.net",
}
BROKEN = "113.0.203.in-addr.arpa"
SOA, NOERROR, SERVFAIL, NXDOMAIN = 6, 0, 2, 3


def wire_name(name: str) -> bytes:
    return b"".join(bytes((len(part),)) + part.encode() for part in name.split(".")) + b"\0"


class NameServer(asyncio.DatagramProtocol):
    """RFC 1035 section 4: one question, at most one answer."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport is one in all but name
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12) + 5
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        name = ".".join(labels).lower()
        self.asked.append(name)
        (kind,) = struct.unpack("!H", data[end - 4 : end - 2])
        mailbox = ZONES.get(name) if kind == SOA else None
        code = SERVFAIL if name == BROKEN else NOERROR if mailbox else NXDOMAIN
        answer = b""
        if mailbox:
            rdata = wire_name("ns.example.org") + wire_name(mailbox) + struct.pack("!5I", *range(5))
            answer = struct.pack("!HHHIH", 0xC00C, SOA, 1, 60, len(rdata)) + rdata
        head = data[:2] + struct.pack("!5H", 0x8580 | code, 1, bool(mailbox), 0, 0)
        assert self.transport is not None
        self.transport.sendto(head + data[12:end] + answer, addr)


@pytest.fixture
async def server():
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    yield server
    transport.close()


@pytest.fixture
async def resolver(server):
    port = server.transport.get_extra_info("sockname")[1]
    resolver = SoaResolver((f"127.0.0.1:{port}",))
    yield resolver
    await resolver.close()


async def test_a_zone_has_a_mailbox_and_a_name_in_it_has_none(resolver):
    assert await resolver.mailbox("2.0.192.in-addr.arpa") == "hostmaster.example.org"
    assert await resolver.mailbox("7.2.0.192.in-addr.arpa") is None


async def test_a_server_that_fails_says_nothing(resolver):
    with pytest.raises(OSError, match="SOA of"):
        await resolver.mailbox(BROKEN)


async def test_a_server_that_is_not_there():
    resolver = SoaResolver(("127.0.0.1:9",))
    with pytest.raises(OSError, match="SOA of"):
        await resolver.mailbox("2.0.192.in-addr.arpa")
    await resolver.close()


@pytest.mark.row("S44")
async def test_ipv4_and_ipv6_meet_by_their_mailbox_without_anybody_waiting(resolver, server):
    learned = asyncio.Event()
    zones = ReverseZones(resolver.mailbox, clock=SystemClock(), learned=learned.set, tell_after_s=0)
    networks = Networks(
        NetworkPolicy(by_soa=True),
        facts_of=lambda _: UNKNOWN_FACTS,
        site_of=lambda _: None,
        mailbox_of=zones.mailbox_of,
    )

    def mailbox(address: str) -> str | None:
        return networks.of(ip_address(address)).mailbox

    addresses = {
        "192.0.2.7": "hostmaster.example.org",
        "2001:db8:1:2::3": "hostmaster.example.org",
        "198.51.100.1": "somebody.example.net",
        "203.0.113.1": None,
    }
    # the answer at once is that nothing is known
    assert {address: mailbox(address) for address in addresses} == dict.fromkeys(addresses)
    async with asyncio.timeout(30):
        while {address: mailbox(address) for address in addresses} != addresses:
            await learned.wait()
            learned.clear()
    asked = len(server.asked)
    assert mailbox("192.0.2.200") == "hostmaster.example.org"
    assert len(server.asked) == asked
    await zones.close()
