"""Do these proxies work, and how quickly? All are asked at the same time (row S63), each for one thing after the other until one comes."""

import asyncio
from collections.abc import Sequence

from shoalpy.client.candidates import Passed, Route
from shoalpy.client.settings import TrialSettings
from shoalpy.model import Upstream
from shoalpy.targets import Answer, Ask, Outcome, judge, parse_cvmfs_url
from ugrpy import __version__
from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import Clock
from ugrpy.core.errors import EndpointError, Unreachable
from ugrpy.transport.client import Reply, Transport
from ugrpy.transport.options import TransportOptions

SAYS_WHO = {"X-frontier-id": "shoal-client", "Cache-Control": "max-age=0"}
_MAX_BODY_BYTES = 64 * 1024
_AT_A_TIME = 64


def asks_for(settings: TrialSettings, upstream: Upstream, proxy: str) -> tuple[Ask, ...]:
    """What a proxy is asked for."""
    if upstream is Upstream.FRONTIER:
        return tuple(Ask(url, url, proxy, SAYS_WHO) for url in settings.frontier)
    return tuple(
        Ask(url, url, proxy, label=parse_cvmfs_url(url).split("/cvmfs/", 1)[1].split(".", 1)[0])
        for url in settings.cvmfs
    )


def is_enough(found: Sequence[Passed], awaited: Sequence[Route], enough: int) -> bool:
    """Whether nothing that is still awaited could be used instead of what was found."""
    return len({one.route.cache for one in found}) >= enough and not any(
        one.near for one in awaited
    )


class Trials:
    """Tests proxies for one upstream. Use it as ``async with``, inside the running loop."""

    def __init__(self, settings: TrialSettings, upstream: Upstream, clock: Clock) -> None:
        self._settings = settings
        self._upstream = upstream
        self._clock = clock
        limit_s = settings.timeout_s
        self._transport = Transport(
            "proxy",
            TransportOptions(
                max_connections=_AT_A_TIME,
                connect_timeout_s=limit_s,
                first_byte_timeout_s=limit_s,
                total_timeout_s=2 * limit_s,
            ),
            user_agent=f"shoalpy-client/{__version__}",
        )

    async def __aenter__(self) -> "Trials":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.close()

    async def passed(self, routes: Sequence[Route], enough: int) -> tuple[Passed, ...]:
        """Those that work, in no order. Those that have not answered when the time for all is over do not.

        When enough caches work and no near one is still awaited, the others are not waited for: all began at the same time, so
        they are slower than any of these, and would not be used.
        """
        found: list[Passed] = []
        awaited = {
            spawn(self._try(route, found), name=f"test {route.proxy}"): route for route in routes
        }
        ended: set[asyncio.Task[None]] = set()
        try:
            async with asyncio.timeout(self._settings.total_s):
                while len(ended) < len(awaited):
                    if is_enough(found, [awaited[one] for one in awaited.keys() - ended], enough):
                        break
                    done, _ = await asyncio.wait(
                        awaited.keys() - ended, return_when=asyncio.FIRST_COMPLETED
                    )
                    ended |= done
        except TimeoutError:
            pass  # what has been found is found
        finally:
            await cancel_and_wait(*awaited)
        return tuple(found)

    async def _try(self, route: Route, found: list[Passed]) -> None:
        for ask in asks_for(self._settings, self._upstream, str(route.proxy)):
            answer = await self._answer(ask)
            match judge(ask, answer):
                case Outcome.PASSED:
                    found.append(Passed(route, answer.rtt_s or 0.0))
                    return
                case Outcome.DENIED | Outcome.NO_CONNECTION:
                    return  # another target would not change that
                case Outcome.WRONG | Outcome.SILENT:
                    continue

    async def _answer(self, ask: Ask) -> Answer:
        began_s = self._clock.monotonic()
        headers = {**ask.headers, "Connection": "close"}
        try:
            async with self._transport.exchange(
                "GET", ask.url, headers=headers, answers=range(400, 600), proxy=ask.proxy
            ) as reply:
                rtt_s = self._clock.monotonic() - began_s
                body = await read_up_to(reply, _MAX_BODY_BYTES)
                return Answer(reply.status, reply.headers, body, rtt_s)
        except EndpointError as error:
            lost = isinstance(error, Unreachable)
            return Answer(failed=Outcome.NO_CONNECTION if lost else Outcome.SILENT)


async def read_up_to(reply: Reply, limit_bytes: int) -> bytes:
    """The beginning of a body, one byte more than the limit where there is more."""
    body = bytearray()
    async for piece in reply.content.iter_any():
        body += piece
        if len(body) > limit_bytes:
            break
    return bytes(body[: limit_bytes + 1])
