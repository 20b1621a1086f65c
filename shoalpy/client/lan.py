"""Does a cache announce itself in this network? Listens where one would, for as long as is wanted, and says what it heard first."""

import asyncio
from collections.abc import Callable, Sequence

from shoalpy.announcement import Announcement, BadAnnouncement, parse_announcement
from shoalpy.model import Upstream
from ugrpy.core.errors import UgrError
from ugrpy.locality import parse_address

Note = Callable[[str], None]
"""Takes a message for the operator."""


class CannotListen(UgrError):
    """None of the ports can be listened to, as when another client does."""


async def first_announced(
    address: str,
    ports: Sequence[int],
    upstream: Upstream,
    *,
    wait_s: float,
    parse: Callable[[bytes], Announcement],
    note: Note,
) -> Announcement | None:
    """The first good announcement of a cache for this upstream, or ``None`` when the time is over. Raises ``CannotListen``."""
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[Announcement] = loop.create_future()
    listening: list[asyncio.DatagramTransport] = []
    failures: list[str] = []
    try:
        for port in ports:
            try:
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Ear(heard, upstream, parse, note),
                    local_addr=(address, port),
                    allow_broadcast=True,
                )
            except OSError as error:
                failures.append(f"UDP {address}:{port}: {error.strerror or error}")
            else:
                listening.append(transport)
        if not listening:
            raise CannotListen(f"cannot listen for caches in this network: {'; '.join(failures)}")
        async with asyncio.timeout(wait_s):
            return await heard
    except TimeoutError:
        return None
    finally:
        for transport in listening:
            transport.close()


def parser(secret: bytes, wall: Callable[[], float]) -> Callable[[bytes], Announcement]:
    """What reads packets; with a secret only those signed with it."""
    return lambda data: parse_announcement(data, secret=secret, now_s=wall())


class _Ear(asyncio.DatagramProtocol):
    def __init__(
        self,
        heard: asyncio.Future[Announcement],
        upstream: Upstream,
        parse: Callable[[bytes], Announcement],
        note: Note,
    ) -> None:
        self._heard = heard
        self._upstream = upstream
        self._parse = parse
        self._note = note

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        try:
            said = self._parse(data)
        except BadAnnouncement as error:
            self._note(f"passed over what {addr[0]} announced: {error}")
            return
        if not self._heard.done() and said.upstream.serves(self._upstream):
            self._heard.set_result(_where(said, str(addr[0])))


def _where(said: Announcement, sender: str) -> Announcement:
    """Agents on Debian's layout announce 127.0.1.1 (reference section 3.3): the sender is meant, unless we are it."""
    address = parse_address(sender)
    if address is None or not said.address.is_loopback or address.is_loopback:
        return said
    return Announcement(address, said.port, said.cache_type, said.upstream)
