"""``shoalpy agent``: look at the cache here, and tell of it while it works, until told to stop; then say goodbye."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from shoalpy.agent import announce, beat, mail
from shoalpy.agent.detect import USUAL_PORT, Found, find_caches
from shoalpy.agent.health import Condition
from shoalpy.agent.load import Card, Sample, max_load_kbps, rate_kbps
from shoalpy.agent.settings import AgentTables
from shoalpy.agent.state import State
from shoalpy.agent.trial import Tester
from shoalpy.announcement import Announcement
from shoalpy.model import Address, CacheType, Heartbeat, Upstream
from ugrpy.core.clock import Clock
from ugrpy.core.errors import ConfigError, EndpointError
from ugrpy.locality import parse_address
from ugrpy.transport.client import Transport
from ugrpy.transport.options import TransportOptions

log = structlog.get_logger("shoalpy.agent")

Draw = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where this machine is reached; what is set wins over what was found out."""

    public: Address | None = None
    private: Address | None = None
    external: Address | None = None


def sort_addresses(own: Address | None, echoed: Address | None) -> Addresses:
    """What an own address and the one that the server sees mean: a NAT is told only where there is no public address."""
    public = own if own is not None and not beat.is_private(own) else None
    private = own if own is not None and beat.is_private(own) else None
    if echoed is not None and beat.is_private(echoed):
        return Addresses(public, private or echoed, None)
    return Addresses(public, private, None if public else echoed)


class Agent:
    """One agent. Make it inside the running loop; ``close`` it there."""

    def __init__(self, tables: AgentTables, *, clock: Clock, draw: Draw) -> None:
        settings = tables.agent
        self._tables, self._clock, self._draw = tables, clock, draw
        if not tables.amqp.host and not (settings.server and settings.key_file):
            raise ConfigError(
                "expected amqp.host, or agent.server with agent.key_file: there is nobody to tell",
                where="[agent]",
            )
        self._key = beat.read_key(settings.key_file) if settings.key_file else None
        self._secret = announce.read_secret(tables.announce)
        self._state = State(settings.state_dir)
        self.identity = self._state.identity()
        self._card = Card(settings.interface, sys=settings.sys_dir, proc=settings.proc_dir)
        self._sample: Sample | None = self._card.sample(clock.monotonic())
        self.condition = Condition(mailed_at_s=self._state.mailed_at_s())
        self._transport = Transport("server", TransportOptions(total_timeout_s=15.0))
        self._tester = Tester(tables.verification, clock, draw)
        self._found_to_front: Upstream | None = None
        self._announced_s = float("-inf")
        self._told = False

    def __repr__(self) -> str:
        return f"<Agent {self.identity}, {self.condition}>"

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""
        policy = self._tables.announce
        while not stop.is_set():
            await self.turn()
            beats_s = self._tables.agent.interval_s * (0.9 + 0.2 * self._draw())
            wait_s = min(beats_s, policy.every_s) if policy.enabled else beats_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await stop.wait()
        if self._told:
            await self._tell(beat.render_goodbye(self.identity))

    async def turn(self) -> None:
        """Look, and tell what there is to tell."""
        made = await self.heartbeat()
        if made is None:
            log.warning("no cache runs here")
            return
        found, said = made
        await self._see_to_health(found, said)
        said = replace(said, upstream=self._fronts())
        if self.condition.healthy:
            self._broadcast(said)
            self._told = await self._tell(beat.render_heartbeat(said)) or self._told

    async def heartbeat(self) -> tuple[Found, Heartbeat] | None:
        """The cache, and what would be said of it now; ``None`` when there is none."""
        settings = self._tables.agent
        found = self._find()
        if found is None:
            return None
        now = self._card.sample(self._clock.monotonic())
        before, self._sample = self._sample, now
        addresses = await self._addresses()
        return found, Heartbeat(
            key=self.identity,
            hostname=settings.hostname or socket.gethostname(),
            port=found.port,
            sent_at_s=self._clock.wall(),
            load_kbps=rate_kbps(before, now),
            cache_type=found.cache_type,
            upstream=self._fronts(),
            max_load_kbps=settings.max_load_kbps or max_load_kbps(self._card.speed_mbps()),
            public_ip=addresses.public,
            private_ip=addresses.private,
            external_ip=addresses.external,
        )

    async def preview(self) -> Heartbeat | None:
        """What would be said if the cache passes its test now; ``None`` when there is none."""
        made = await self.heartbeat()
        if made is None:
            return None
        found, said = made
        trial = await self._tester.test(said, found.address, self._tables.agent.upstream)
        return replace(said, upstream=trial.fronts or said.upstream)

    def _fronts(self) -> Upstream:
        return self._tables.agent.upstream or self._found_to_front or Upstream.BOTH

    def _find(self) -> Found | None:
        settings = self._tables.agent
        kind = settings.cache_type
        if settings.cache_port:
            return Found(kind or CacheType.SQUID, settings.cache_port)
        caches = find_caches(settings.proc_dir)
        found = next((one for one in caches if kind in (None, one.cache_type)), None)
        return found or (Found(kind, USUAL_PORT[kind]) if kind else None)

    async def _addresses(self) -> Addresses:
        settings = self._tables.agent
        own = _own_address()
        echoed = None
        if settings.server and not settings.external_ip:
            echoed = await beat.fetch_external(self._transport, settings.server)
        found = sort_addresses(own, echoed)
        return Addresses(
            parse_address(settings.public_ip) or found.public,
            parse_address(settings.private_ip) or found.private,
            parse_address(settings.external_ip) or found.external,
        )

    async def _see_to_health(self, found: Found, said: Heartbeat) -> None:
        settings, now_s = self._tables.agent, self._clock.wall()
        if not settings.test:
            self.condition = replace(self.condition, healthy=True)
        elif self.condition.is_due(now_s):
            trial = await self._tester.test(said, found.address, settings.upstream)
            log.info("cache tested", passed=trial.passed, message=trial.message)
            self._found_to_front = trial.fronts or self._found_to_front
            self.condition = self.condition.tested(
                healthy=trial.passed,
                message=trial.message,
                now_s=now_s,
                healthy_s=settings.healthy_s,
                failing_s=settings.failing_s,
            )
        if self.condition.wants_mail(now_s) and self._tables.mail.to:
            await self._mail(said, now_s)

    async def _mail(self, said: Heartbeat, now_s: float) -> None:
        letter = mail.compose(
            self._tables.mail,
            hostname=said.hostname,
            what=f"{said.cache_type} at port {said.port}",
            why=self.condition.message,
        )
        try:
            await asyncio.to_thread(mail.send, self._tables.mail, letter)
        except OSError as error:
            log.warning("letter not sent", problem=str(error))
            return
        self.condition = self.condition.mailed(now_s)
        await asyncio.to_thread(self._state.mailed, now_s)

    def _broadcast(self, said: Heartbeat) -> None:
        policy, now_s = self._tables.announce, self._clock.monotonic()
        # the wait before was drawn, and may have been a little short
        if not policy.enabled or now_s - self._announced_s < policy.every_s * 0.9:
            return
        address = said.private_ip or said.public_ip or said.external_ip
        if address is None or address.version != 4:
            return
        self._announced_s = now_s
        packet = Announcement(address, said.port, said.cache_type, said.upstream)
        try:
            announce.broadcast(policy, packet, self._secret, self._clock.wall())
        except OSError as error:
            log.warning("not announced", problem=str(error))

    async def _tell(self, body: bytes) -> bool:
        try:
            if self._tables.amqp.host:
                await beat.publish(self._tables.amqp, body)
            elif self._key is not None:
                server = self._tables.agent.server
                await beat.post(self._transport, server, self._key, body, self._clock)
        except EndpointError as error:
            log.warning("not told", problem=str(error))
            return False
        return True


def _own_address() -> Address | None:
    """The one with which this machine would speak to the world; nothing is sent for it."""
    for family, towards in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as out:
            out.connect((towards, 9))
            address = parse_address(out.getsockname()[0])
            if address is not None and not (address.is_loopback or address.is_link_local):
                return address
    return None
