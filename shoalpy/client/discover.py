"""Which proxies do others name: a shoal server, and PAC files?"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

from shoalpy.client.candidates import MAX_ANSWER_BYTES, BadAnswer, Candidate, parse_answer
from shoalpy.client.trials import read_up_to
from shoalpy.model import Upstream
from shoalpy.pacanswer import PacWays, agree
from shoalpy.paceval import MAX_SCRIPT_BYTES, evaluate_pac
from ugrpy import __version__
from ugrpy.core.errors import DataError, EndpointError
from ugrpy.transport.client import Transport
from ugrpy.transport.options import TransportOptions

# Some of those a server names are dead, busy or not for us: so many more are asked for than are kept (reference section 5.1).
SPARE = 5

_PATHS = {Upstream.CVMFS: "/nearestcvmfs", Upstream.FRONTIER: "/nearestconditions"}


class NoPac(DataError):
    """A PAC file that cannot be had."""


def question(server: str, upstream: Upstream, count: int) -> str:
    """The URL to ask: ``http://shoal.example/nearestcvmfs`` is taken as it is, the path is added to a server's bare name."""
    if "://" not in server:
        server = f"http://{server}"
    parts = urlsplit(server)
    path = parts.path.rstrip("/") or _PATHS.get(upstream, "/nearest")
    return urlunsplit((parts.scheme, parts.netloc, f"{path}/{count + SPARE}/", "", ""))


class Sources:
    """Asks them, never through a proxy. Use it as ``async with``, inside the running loop."""

    def __init__(self, timeout_s: float) -> None:
        self._transport = Transport(
            "shoal",
            TransportOptions(
                connect_timeout_s=timeout_s,
                first_byte_timeout_s=timeout_s,
                total_timeout_s=timeout_s,
            ),
            user_agent=f"shoalpy-client/{__version__}",
        )

    async def __aenter__(self) -> "Sources":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.close()

    async def server(self, url: str) -> tuple[Candidate, ...]:
        """The caches that a server names. Raises ``EndpointError`` and ``BadAnswer``."""
        status, body = await self._get(url, MAX_ANSWER_BYTES)
        if status != 200:
            raise BadAnswer(f"the server answered {status}")
        if len(body) > MAX_ANSWER_BYTES:
            raise BadAnswer(f"the server's answer has more than {MAX_ANSWER_BYTES} bytes")
        return parse_answer(body)

    async def pac(self, pac_urls: Sequence[str], targets: Sequence[str]) -> PacWays:
        """What the first PAC file that can be used says for these targets. Raises ``NoPac``."""
        problems: list[str] = []
        for url in pac_urls:
            try:
                script = await self._script(url)
                answers = await evaluate_pac(script, targets)
            except (EndpointError, DataError) as error:
                problems.append(f"{url}: {error}")
            else:
                return agree(list(zip(targets, answers, strict=True))).ways
        raise NoPac(f"no PAC file can be used: {'; '.join(problems)}")

    async def _script(self, url: str) -> str:
        if url.startswith("file:"):
            path = Path(url2pathname(urlsplit(url).path))
            try:
                body = await asyncio.to_thread(path.read_bytes)
            except OSError as error:
                raise NoPac(error.strerror or str(error)) from None
        else:
            status, body = await self._get(url, MAX_SCRIPT_BYTES)
            if status != 200:
                raise NoPac(f"the server answered {status}")
        if len(body) > MAX_SCRIPT_BYTES:
            raise NoPac(f"it has more than {MAX_SCRIPT_BYTES} bytes")
        return body.decode("utf-8", "replace")

    async def _get(self, url: str, limit_bytes: int) -> tuple[int, bytes]:
        async with self._transport.exchange("GET", url, answers=range(400, 600)) as reply:
            return reply.status, await read_up_to(reply, limit_bytes)
