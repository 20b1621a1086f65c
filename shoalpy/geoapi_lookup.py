"""Where are the servers and proxies that CVMFS clients name? Asked of the name service, and remembered.

What it says of a name holds for five minutes, be it nothing; so long again it is used while it is asked anew beside the request.
When nobody can say, the last that was known stays. What can be asked, at once and altogether, is bounded: names come from strangers.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from math import inf

import aiodns
import pycares

from shoalpy.geoapi import address_in, may_be_asked_for
from shoalpy.model import Address
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import Clock
from ugrpy.locality import parse_address

HOLDS_S = 300.0
# When nobody could say, somebody may soon.
TROUBLE_HOLDS_S = 30.0
_TIMEOUT_S = 5.0
# Questions to the name service that run and wait; while there are so many, other names are unknown.
MOST_ASKED = 1000
_AT_ONCE = 256

Addresses = tuple[Address, ...]

AskAddresses = Callable[[str], Awaitable[Iterable[Address]]]
"""All addresses of a name, none when it has none. Raises ``OSError`` when nobody can say."""


@dataclass(frozen=True, slots=True)
class _Known:
    """``sure``: somebody said so, and it is not what was known before."""

    addresses: Addresses
    until_s: float
    sure: bool = True


class AddressBook:
    """Addresses by name; ``version`` grows when one changes. ``ask`` is ``NameService().addresses``; ``kept`` names are remembered. Close it at the end."""

    def __init__(self, ask: AskAddresses, *, clock: Clock, kept: int) -> None:
        self._ask = ask
        self._kept = kept
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self.lookups = 0
        self.version = 0
        self.now_s = clock.monotonic

    def __repr__(self) -> str:
        return f"<AddressBook {len(self._known)} known, {len(self._asked)} asked, {self.lookups} look-ups>"

    def __len__(self) -> int:
        return len(self._known)

    def addresses(self, name: str) -> Addresses:
        """What is known by now, at most one of each family, IPv4 first."""
        if (address := address_in(name)) is not None:
            return (address,)
        known = self._known.get(name)
        return () if known is None else known.addresses

    def all_sure(self, names: Iterable[str]) -> bool:
        """Whether nobody has to be asked for any of them, or somebody has said."""
        return all(map(self._is_sure, names))

    def is_fresh(self, name: str) -> bool:
        """Whether nobody would be asked for it now."""
        known = self._known.get(name)
        return not may_be_asked_for(name) if known is None else self.now_s() < known.until_s

    def fresh_until_s(self, names: Iterable[str]) -> float:
        """When the first of them has to be asked for, by ``now_s``."""
        known = map(self._known.get, names)
        return min((one.until_s for one in known if one is not None), default=inf)

    async def learn(self, names: Iterable[str]) -> None:
        """Return when all names have been asked for that have to be, at most ``_TIMEOUT_S`` later.

        A caller who leaves does not end the questions: others may wait for them, and what is learned is kept.
        """
        if waiting := [task for name in names if (task := self._question(name)) is not None]:
            await asyncio.wait(waiting, timeout=_TIMEOUT_S)

    async def close(self) -> None:
        """Ask no more."""
        await cancel_and_wait(*self._asked.values())

    def _is_sure(self, name: str) -> bool:
        known = self._known.get(name)
        return not may_be_asked_for(name) if known is None else known.sure

    def _question(self, name: str) -> asyncio.Task[None] | None:
        """The question that has to be waited for."""
        known = self._known.get(name)
        if known is not None:
            old_s = self.now_s() - known.until_s
            if old_s < 0:
                self._known.move_to_end(name)
                return None
            task = self._task(name)
            usable = known.sure or known.addresses
            return None if usable and old_s < HOLDS_S else task
        return self._task(name) if may_be_asked_for(name) else None

    def _task(self, name: str) -> asyncio.Task[None] | None:
        task = self._asked.get(name)
        if task is None and len(self._asked) < MOST_ASKED:
            task = self._asked[name] = spawn(self._find(name), name=f"addresses of {name}")
            task.add_done_callback(lambda _: self._asked.pop(name))
        return task

    async def _find(self, name: str) -> None:
        try:
            async with self._at_once, asyncio.timeout(_TIMEOUT_S):
                self.lookups += 1
                found, holds_s, sure = _one_each(await self._ask(name)), HOLDS_S, True
        except OSError:  # TimeoutError is one
            found, holds_s, sure = self.addresses(name), TROUBLE_HOLDS_S, False
        if found != self.addresses(name):
            self.version += 1
        self._known[name] = _Known(found, self.now_s() + holds_s, sure)
        self._known.move_to_end(name)
        if len(self._known) > self._kept:
            self._known.popitem(last=False)


def _one_each(addresses: Iterable[Address]) -> Addresses:
    """The first of each family: databases know more of IPv4, and most servers with IPv6 have both."""
    first: dict[int, Address] = {}
    for address in addresses:
        first.setdefault(address.version, address)
    return tuple(sorted(first.values(), key=lambda one: one.version))


class NameService:
    """Asks the name service of this machine, or the ``nameservers`` given; the hosts file counts, search domains do not."""

    def __init__(self, nameservers: tuple[str, ...] = ()) -> None:
        self._resolver = aiodns.DNSResolver(
            nameservers or None, timeout=2, tries=2, flags=pycares.ARES_FLAG_NOSEARCH
        )

    async def addresses(self, name: str) -> list[Address]:
        """As ``AskAddresses``."""
        try:
            found = await self._resolver.getaddrinfo(name)
        except aiodns.error.DNSError as error:
            if error.args and error.args[0] in _NO_SUCH_NAME:
                return []
            raise OSError(f"addresses of {name}: {error}") from error
        written = (node.addr[0] for node in found.nodes)
        parsed = (
            parse_address(one.decode("ascii") if isinstance(one, bytes) else str(one))
            for one in written
        )
        return [address for address in parsed if address is not None]

    async def close(self) -> None:
        """Let go of the sockets."""
        await self._resolver.close()


_NO_SUCH_NAME = (
    pycares.errno.ARES_ENODATA,
    pycares.errno.ARES_ENOTFOUND,
    # what can be no name, such as one with two dots together
    pycares.errno.ARES_EBADNAME,
)
