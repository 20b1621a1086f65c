"""Does what our agent broadcasts reach our client? By a real broadcast, to the broadcast address of the loopback network."""

import asyncio
import time

import pytest

from shoalpy.agent.announce import AnnouncePolicy, broadcast
from shoalpy.announcement import Announcement
from shoalpy.client.lan import first_announced, parser
from shoalpy.model import CacheType, Upstream
from tests.peers.process import free_port
from ugrpy.locality import parse_address

pytestmark = pytest.mark.functional

# Whoever listens at this address hears broadcasts in 127.0.0.0/8 and nothing else; no packet leaves the machine.
EVERYBODY = "127.255.255.255"
SECRET = b"a secret of this network"


async def heard(port: int, upstream: Upstream, secret: bytes, *said: Announcement) -> object:
    """What a client takes that listens while an agent with the secret broadcasts these, again and again."""
    notes: list[str] = []
    listening = asyncio.create_task(
        first_announced(
            EVERYBODY,
            [port],
            upstream,
            wait_s=1.5,
            parse=parser(SECRET, time.time),
            note=notes.append,
        )
    )
    policy = AnnouncePolicy(address=EVERYBODY, port=port)
    while not listening.done():
        for one in said:
            broadcast(policy, one, secret, time.time())
        await asyncio.sleep(0.05)
    return await listening


def announcement(upstream: Upstream) -> Announcement:
    address = parse_address("10.1.2.3")
    assert address is not None
    return Announcement(address, 3128, CacheType.VARNISH, upstream)


@pytest.mark.row("S56", "S62")
async def test_the_first_signed_broadcast_of_a_cache_that_serves_is_taken():
    frontier, cvmfs = announcement(Upstream.FRONTIER), announcement(Upstream.CVMFS)
    port = free_port("127.0.0.1")
    assert await heard(port, Upstream.CVMFS, SECRET, frontier, cvmfs) == cvmfs
    assert await heard(port, Upstream.FRONTIER, SECRET, frontier, cvmfs) == frontier
    assert await heard(port, Upstream.CVMFS, SECRET, frontier) is None
    assert await heard(port, Upstream.CVMFS, b"the secret of others", cvmfs) is None
