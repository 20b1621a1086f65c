"""A gateway without sockets: scripted endpoints behind it, requests made by hand before it."""

from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any
from unittest.mock import Mock

from aiohttp import HttpVersion, HttpVersion11, StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from ugrpy.changing import ChangeSettings, Changing, Ground
from ugrpy.core.meter import Meter
from ugrpy.federation import Federation, Member, Policies, Surroundings
from ugrpy.frontend.gateway import Gateway, GatewayOptions
from ugrpy.health.board import HealthBoard
from ugrpy.health.policy import HealthPolicy
from ugrpy.journal.memory import MemoryJournal
from ugrpy.locality import Candidate, Place, Ranker, RankPolicy
from ugrpy.locality.model import PreferenceRule
from ugrpy.namespace.fanout import FanoutPolicy
from ugrpy.namespace.model import EndpointId
from ugrpy.security.authz import AllowReading
from ugrpy.testing import FakeClock, LoopClock, ScriptedEndpoint

CLIENT = "192.0.2.7"


class Written(AbstractStreamWriter):
    """What a response wrote, in order."""

    def __init__(self) -> None:
        self.head = ""
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.pieces: list[bytes] = []
        self.chunked = False
        self.ended = False
        self.length = None
        self.output_size = 0

    async def write(self, chunk: Any) -> None:
        self.pieces.append(bytes(chunk))

    async def write_eof(self, chunk: bytes = b"") -> None:
        if chunk:
            self.pieces.append(chunk)
        self.ended = True

    async def drain(self) -> None:
        pass

    def enable_compression(self, *_arguments: Any, **_settings: Any) -> None:
        raise AssertionError("nothing is compressed")

    def enable_chunking(self) -> None:
        self.chunked = True

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        self.head, self.headers = status_line, headers

    def send_headers(self) -> None:
        pass


@dataclass
class Answer:
    """A response with its whole body."""

    response: web.StreamResponse
    body: bytes
    written: Written

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> CIMultiDict[str]:
        return self.response.headers


@dataclass
class World:
    """``one`` is preferred to ``two`` by everybody."""

    one: ScriptedEndpoint
    two: ScriptedEndpoint
    federation: Federation
    gateway: Gateway
    clock: FakeClock = field(default_factory=FakeClock)

    async def ask(
        self,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        version: HttpVersion = HttpVersion11,
        **headers: str,
    ) -> Answer:
        """Send a request; underscores in header names stand for hyphens."""
        request, written = a_request(method, target, body=body, version=version, **headers)
        response = await self.gateway(request)
        if isinstance(response, web.Response):
            body = response.body if isinstance(response.body, bytes) else b""
            return Answer(response, body, written)
        return Answer(response, b"".join(written.pieces), written)


def a_request(
    method: str,
    target: str,
    *,
    body: bytes | None = None,
    version: HttpVersion = HttpVersion11,
    **headers: str,
) -> tuple[web.Request, Written]:
    """A request and what its answer will be written to; ``body`` is sent without a length unless a header tells it."""
    written = Written()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = Mock()
    transport.is_closing.return_value = False
    transport.get_extra_info = {"peername": (CLIENT, 4711)}.get
    settings: dict[str, Any] = {"transport": transport}
    if body is not None:
        payload = StreamReader(Mock(_reading_paused=False), 2**16)
        payload.feed_data(body)
        payload.feed_eof()
        settings["payload"] = payload
    request = make_mocked_request(
        method, target, headers=named, version=version, writer=written, **settings
    )
    return request, written


def a_world(
    *,
    meter: Meter | None = None,
    deadline_s: float = 0.2,
    clock: FakeClock | LoopClock | None = None,
    changes: ChangeSettings | None = None,
    **options: Any,
) -> World:
    """A federation of two, with ``GatewayOptions`` by name; it takes changes when it has settings for them. To be made in the loop that uses it."""
    writable = changes is not None
    one = ScriptedEndpoint("one", writable=writable)
    two = ScriptedEndpoint("two", writable=writable)
    clock = clock or FakeClock()
    rules = [PreferenceRule(networks=(ip_network(CLIENT),), prefer=("one", "two"))]
    federation = Federation(
        [Member(one, writable=writable), Member(two, writable=writable)],
        HealthBoard([EndpointId("one"), EndpointId("two")], HealthPolicy(), draw=lambda: 0.5),
        Ranker(
            [Candidate("one", Place()), Candidate("two", Place())],
            rules,
            RankPolicy(),
            lambda _address: Place(),
        ),
        Policies(fanout=FanoutPolicy(deadline_s=deadline_s, hedge_s=0.05)),
        Surroundings(lambda: 0.5, clock),
    )
    changing: Changing | None = None
    if changes is not None:
        changing = Changing(Ground(federation, MemoryJournal(), changes))
        options.setdefault("policy", AllowReading(write_from=[ip_network(CLIENT)]))
    gateway = Gateway(federation, GatewayOptions(**options), changing, clock=clock, meter=meter)
    return World(
        one, two, federation, gateway, clock if isinstance(clock, FakeClock) else FakeClock()
    )
