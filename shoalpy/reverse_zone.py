"""Whose mailbox stands in the SOA record of an address's reverse zone? Asked of the name service beside the requests, never in them.

An answer is what is known by now, at first nothing; the question then runs on its own, a few at a time, and ``learned`` is called soon
after something has become known. What is learned holds for a whole /24 or /48, the smallest that are delegated as a rule, and for a long time; so does
that there is nothing. The zone is found by asking for the SOA of ever shorter names, as RFC 1034 section 4.3.2 leaves no
other way where the resolver does not hand on the authority section::

    7.2.0.192.in-addr.arpa -> 2.0.192.in-addr.arpa -> 0.192.in-addr.arpa -> hostmaster.example.org
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import aiodns
import pycares

from shoalpy.model import Address
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import Clock

# Zones are cut at octets in IPv4 and at multiples of four bits in IPv6; above these they are the registries', who run them for everybody.
_CUTS_V4 = (24, 16)
_CUTS_V6 = (48, 44, 40, 36, 32, 28)
_TIMEOUT_S = 5.0
_AT_ONCE = 16
# While so many questions run and wait, others wait for their address to come again.
_MOST_ASKED = 1000
_HOLDS_S = 6 * 3600.0
_NOTHING_HOLDS_S = 600.0
_KNOWN = 50_000
# Whoever is told forgets a lot at once, so what is learned in such a time is told together.
TELL_AFTER_S = 1.0

_Key = tuple[int, int]

AskSoa = Callable[[str], Awaitable[str | None]]
"""The mailbox in the SOA record of exactly this name, ``None`` when it has none. Raises ``OSError`` when nobody can say."""


@dataclass(frozen=True, slots=True)
class _Learned:
    mailbox: str | None
    until_s: float


class ReverseZones:
    """``ask`` is ``SoaResolver().mailbox``, or whatever knows SOA records. Close it at the end."""

    def __init__(
        self,
        ask: AskSoa,
        *,
        clock: Clock,
        learned: Callable[[], None],
        tell_after_s: float = TELL_AFTER_S,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._learned = learned
        self._tell_after_s = tell_after_s
        self._telling: asyncio.TimerHandle | None = None
        self._known: OrderedDict[_Key, _Learned] = OrderedDict()
        self._asked: dict[_Key, asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def __repr__(self) -> str:
        return f"<ReverseZones {len(self._known)} known, {len(self._asked)} asked>"

    def mailbox_of(self, address: Address) -> str | None:
        """What is known by now; asks beside if that is nothing, or old."""
        key = _key(address)
        known = self._known.get(key)
        fresh = known is not None and self._clock.monotonic() < known.until_s
        if not fresh and key not in self._asked and len(self._asked) < _MOST_ASKED:
            self._asked[key] = spawn(self._learn(key, address), name=f"SOA for {address}")
            self._asked[key].add_done_callback(lambda _: self._asked.pop(key))
        return None if known is None else known.mailbox

    async def close(self) -> None:
        """Ask and tell no more."""
        await cancel_and_wait(*self._asked.values())
        if self._telling is not None:
            self._telling.cancel()

    async def _learn(self, key: _Key, address: Address) -> None:
        known = self._known.get(key)
        before = known.mailbox if known else None
        try:
            async with self._at_once, asyncio.timeout(_TIMEOUT_S):
                mailbox = await self._first(zone_names(address))
            holds_s = _HOLDS_S if mailbox else _NOTHING_HOLDS_S
        except OSError:  # TimeoutError is one: nobody can say now, so what was known stays
            mailbox, holds_s = before, _NOTHING_HOLDS_S
        self._known[key] = _Learned(mailbox, self._clock.monotonic() + holds_s)
        self._known.move_to_end(key)
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        if mailbox != before and self._telling is None:
            loop = asyncio.get_running_loop()
            self._telling = loop.call_later(self._tell_after_s, self._tell)

    def _tell(self) -> None:
        self._telling = None
        self._learned()

    async def _first(self, names: Iterable[str]) -> str | None:
        for name in names:
            if (mailbox := await self._ask(name)) is not None:
                return mailbox
        return None


class SoaResolver:
    """Asks the name service of this machine, or the ``nameservers`` given (``address`` or ``address:port``)."""

    def __init__(self, nameservers: tuple[str, ...] = ()) -> None:
        self._resolver = aiodns.DNSResolver(nameservers or None, timeout=2, tries=2)

    async def mailbox(self, name: str) -> str | None:
        """As ``AskSoa``."""
        try:
            found = await self._resolver.query_dns(name, "SOA")
        except aiodns.error.DNSError as error:
            if error.args and error.args[0] in (
                pycares.errno.ARES_ENODATA,
                pycares.errno.ARES_ENOTFOUND,
            ):
                return None
            raise OSError(f"SOA of {name}: {error}") from error
        for record in found.answer:
            # an answer may begin with aliases (RFC 2317), whose target is another name
            if isinstance(record.data, pycares.SOARecordData):
                return record.data.rname or None
        return None

    async def close(self) -> None:
        """Let go of the sockets."""
        await self._resolver.close()


def _key(address: Address) -> _Key:
    """The same for all addresses of which the same names are asked."""
    cut = _CUTS_V4[0] if isinstance(address, IPv4Address) else _CUTS_V6[0]
    return address.version, int(address) >> (address.max_prefixlen - cut)


def zone_names(address: Address) -> Iterator[str]:
    """The names that may be the reverse zone of the address, the longest first."""
    labels = address.reverse_pointer.split(".")
    bits, cuts = (8, _CUTS_V4) if isinstance(address, IPv4Address) else (4, _CUTS_V6)
    for cut in cuts:
        yield ".".join(labels[(address.max_prefixlen - cut) // bits :])
