"""Looks at caches, for as long as the server runs: each due one in a task of its own, so that a bad one holds up no other (row S48).

What to ask and what to make of it is decided by ``shoalpy.verify`` and ``shoalpy.looking``; how fast by ``shoalpy.pacing``.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from shoalpy import telemetry
from shoalpy.looking import Draw, Finding
from shoalpy.model import Cache, Health
from shoalpy.pacing import Pacing
from shoalpy.registry import Registry
from shoalpy.targets import Answer, Ask, Outcome
from shoalpy.verify import VerificationPolicy, look_at, plan, subject, verdict
from ugrpy import __version__
from ugrpy.core.clock import Clock
from ugrpy.core.errors import EndpointError, TimedOut, Unreachable
from ugrpy.core.meter import Meter, NullMeter
from ugrpy.transport.client import Reply, Transport
from ugrpy.transport.options import TransportOptions

log = structlog.get_logger("shoalpy.verify")

# A whitelist has about 1 kB, a manifest less.
MAX_BODY_BYTES = 64 * 1024
# How soon a cache that is new, or due again, is looked at.
_PAUSE_S = 1.0


class Prober(Protocol):
    """Sends one request."""

    async def answer(self, ask: Ask) -> Answer:
        """What came of it; whatever goes wrong with the cache is an answer, too."""
        ...


class HttpProber:
    """Sends requests by HTTP, never to an address that the guard refuses, whatever a name turns out to mean."""

    def __init__(self, policy: VerificationPolicy, clock: Clock) -> None:
        self._clock = clock
        limit_s = policy.timeout_s
        options = TransportOptions(
            max_connections=policy.concurrency,
            connect_timeout_s=limit_s,
            first_byte_timeout_s=limit_s,
            total_timeout_s=2 * limit_s,
        )
        self._transport = Transport(
            "verification",
            options,
            user_agent=f"shoalpy/{__version__}",
            may_connect=policy.guard.may_connect,
        )

    async def answer(self, ask: Ask) -> Answer:
        """Ask once, over a connection of its own: whether one can be made is what is wanted to know."""
        began_s = self._clock.monotonic()
        headers = {**ask.headers, "Connection": "close"}
        try:
            async with self._transport.exchange(
                "GET", ask.url, headers=headers, answers=range(400, 600), proxy=ask.proxy or None
            ) as reply:
                rtt_s = self._clock.monotonic() - began_s
                return Answer(reply.status, reply.headers, await _beginning(reply), rtt_s)
        except EndpointError as error:
            return Answer(failed=_outcome(error), detail=_words(error))

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()


@asynccontextmanager
async def http_prober(policy: VerificationPolicy, clock: Clock) -> AsyncIterator[HttpProber]:
    """A prober for the block."""
    prober = HttpProber(policy, clock)
    try:
        yield prober
    finally:
        await prober.close()


class Verifier:
    """Keeps what the registry knows of its caches' health current. ``clock`` gives the wall time of the registry, too."""

    def __init__(
        self,
        registry: Registry,
        policy: VerificationPolicy,
        *,
        clock: Clock,
        draw: Draw,
        meter: Meter | None = None,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._clock = clock
        self._draw = draw
        self._counts = {
            health: (meter or NullMeter()).instrument(telemetry.PROBES.name, health=health.value)
            for health in (Health.PASSED, Health.FAILED)
        }
        self._pacing = Pacing(
            clock, rate_per_s=policy.rate_per_s, target_rate_per_s=policy.target_rate_per_s
        )
        self._looking_at: set[str] = set()
        self._plan_at_s = 0.0

    def __repr__(self) -> str:
        return f"<Verifier of {self._registry!r}, looking at {len(self._looking_at)}>"

    async def run(self) -> None:
        """Look at caches over HTTP until cancelled."""
        async with http_prober(self._policy, self._clock) as prober:
            await self.run_with(prober)

    async def run_with(self, prober: Prober) -> None:
        """The same by another prober."""
        seen = -1
        # a look that was cancelled before it had begun could not say that it is over
        self._looking_at.clear()
        async with asyncio.TaskGroup() as looks:
            while True:
                now_s = self._clock.wall()
                # most heartbeats change nothing here, and thousands of caches are not gone through every second for them
                if seen != self._registry.shape or self._plan_at_s <= now_s:
                    seen = self._registry.shape
                    self._plan_at_s = self._start_due(looks, prober, now_s)
                await asyncio.sleep(_PAUSE_S)

    def _start_due(self, looks: asyncio.TaskGroup, prober: Prober, now_s: float) -> float:
        """Begin to look at those that are due, as many as may be at a time; when to plan again."""
        planned = plan(self._registry.live(now_s), now_s, self._looking_at)
        free = self._policy.concurrency - len(self._looking_at)
        for cache in planned.due[:free]:
            self._looking_at.add(cache.key)
            looks.create_task(self._look_at(cache, prober), name=f"verify {cache.key}")
        return now_s if len(planned.due) > free else planned.next_at_s

    async def _look_at(self, cache: Cache, prober: Prober) -> None:
        try:
            self._note(cache, await self._finding(cache, prober))
        finally:
            self._looking_at.discard(cache.key)
            # it may have become another during the look, and be due
            self._plan_at_s = 0.0

    async def _finding(self, cache: Cache, prober: Prober) -> Finding:
        try:
            look = look_at(cache, self._policy, self._draw)
            if isinstance(look, Finding):
                return look
            while (ask := look.next_ask()) is not None:
                await self._pacing.turn(ask.target)
                look.heard(ask, await prober.answer(ask))
        except Exception:
            # a fault of ours with one cache must not end the looks at all others
            log.exception("verification failed", key=cache.key, hostname=cache.beat.hostname)
            return Finding(Outcome.WRONG, "Error during verification: a fault of this server")
        assert look.finding is not None  # next_ask gives nothing only then
        return look.finding

    def _note(self, looked_at: Cache, found: Finding) -> None:
        now_s = self._clock.wall()
        known = self._registry.get(looked_at.key, now_s)
        if known is None or subject(known) != subject(looked_at):
            return
        after = verdict(known.verification, found, now_s, self._policy, self._draw)
        self._registry.verified(known.key, after)
        self._counts[after.health].add()
        if after.health is not known.verification.health:
            log.info(
                "cache verified" if after.health is Health.PASSED else "cache fails verification",
                key=known.key,
                hostname=known.beat.hostname,
                message=found.message,
            )


async def _beginning(reply: Reply) -> bytes:
    body = bytearray()
    async for piece in reply.content.iter_any():
        body += piece
        if len(body) >= MAX_BODY_BYTES:
            break
    return bytes(body[:MAX_BODY_BYTES])


def _outcome(error: EndpointError) -> Outcome:
    match error:
        case TimedOut():
            return Outcome.SILENT
        case Unreachable():
            return Outcome.NO_CONNECTION
        case _:
            return Outcome.WRONG


def _words(error: EndpointError) -> str:
    """What went wrong, without the method before it."""
    return str(error).removeprefix("GET: ")
