"""A small service for the tests: caches that can be listed, looked at, changed and forgotten."""

from collections.abc import Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import Field

from ugrpy.core.errors import Forbidden, NotFound, Unavailable
from ugrpy.service.api import (
    Answer,
    Api,
    ApiModel,
    ApiToken,
    ApiTokens,
    Call,
    Nothing,
    Operation,
    Page,
    Paging,
    hash_token,
    page_of,
)

READER_TOKEN = "reader-secret-1"
PLAIN = {"Accept-Encoding": "identity"}
OPERATOR_TOKEN = "operator-secret-2"


class Kind(StrEnum):
    """What a cache is."""

    SQUID = "squid"
    VARNISH = "varnish"


class Place(ApiModel):
    """Where it is."""

    city: str = ""
    latitude: float | None = Field(default=None, ge=-90, le=90)


class Cache(ApiModel):
    """A cache."""

    id: int
    host: str = Field(description="Its name.", examples=["squid.example"])
    port: int = Field(default=3128, ge=1, le=65535)
    kind: Kind = Kind.SQUID
    place: Place = Place()


class CacheId(ApiModel):
    id: int = Field(description="The number of a cache.")


class CacheQuery(Paging):
    kind: list[Kind] = Field(default=[], description="Of these kinds only.")
    verified: bool | None = None
    near: IPv4Address | None = None


class NewCache(ApiModel):
    host: str = Field(min_length=1)
    port: int = Field(default=3128, ge=1, le=65535)
    kind: Kind = Kind.SQUID
    places: list[Place] = Field(default=[])


class Caches:
    """The state, and the handlers."""

    def __init__(self, count: int = 0) -> None:
        self.caches = {n: Cache(id=n, host=f"squid{n}.example") for n in range(1, count + 1)}
        self.calls: list[Call[Any, Any, Any]] = []
        self.wrong: Callable[[], object] = lambda: None

    async def caches_all(self, call: Call[Nothing, CacheQuery, None]) -> Page[Cache]:
        self.calls.append(call)
        kinds = call.query.kind
        found = [c for _, c in sorted(self.caches.items()) if not kinds or c.kind in kinds]
        return page_of(found, call.query, key=lambda cache: (cache.id,))

    async def cache(self, call: Call[CacheId, Nothing, None]) -> Cache:
        self.calls.append(call)
        if call.path.id not in self.caches:
            raise NotFound(f"there is no cache {call.path.id}", hint="look at /v2/caches")
        return self.caches[call.path.id]

    async def add(self, call: Call[Nothing, Nothing, NewCache]) -> Answer[Cache]:
        self.calls.append(call)
        number = len(self.caches) + 1
        new = call.body
        cache = Cache(id=number, host=new.host, port=new.port, kind=new.kind)
        self.caches[number] = cache
        return Answer(cache, headers={"Location": f"/v2/caches/{number}"})

    async def forget(self, call: Call[CacheId, Nothing, None]) -> None:
        self.calls.append(call)
        self.caches.pop(call.path.id, None)

    async def upload(self, call: Call[Nothing, Nothing, bytes]) -> Answer[None]:
        self.calls.append(call)
        return Answer(None, status=202)

    async def pac(self, call: Call[Nothing, Nothing, None]) -> str:
        return "function FindProxyForURL(url, host) { return 'DIRECT'; } // Zürich\n"

    async def fail(self, call: Call[Nothing, Nothing, None]) -> Cache:
        self.wrong()
        raise Unavailable("the broker is away", retry_after_s=2.2)

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "GET",
                "/v2/caches",
                self.caches_all,
                summary="All caches",
                cache_control="max-age=5",
                tag="caches",
                example=[Cache(id=1, host="squid.example")],
            ),
            Operation(
                "POST",
                "/v2/caches",
                self.add,
                summary="Add a cache",
                description="The number is given by the service.",
                role="operator",
                status=201,
                max_body_bytes=2000,
                errors=(Forbidden,),
            ),
            Operation("GET", "/v2/caches/{id}", self.cache, summary="One", errors=(NotFound,)),
            Operation(
                "DELETE", "/v2/caches/{id}", self.forget, summary="Forget it", role="operator"
            ),
            Operation(
                "PUT",
                "/v2/picture",
                self.upload,
                summary="Any bytes",
                body_types=("image/png", "image/gif"),
                role="reader",
            ),
            Operation(
                "GET",
                "/wpad.dat",
                self.pac,
                summary="The PAC script",
                media_type="application/x-ns-proxy-autoconfig",
                example="function FindProxyForURL(url, host) {}",
            ),
            Operation(
                "GET", "/v2/fail", self.fail, summary="Fails", errors=(Unavailable,), role="reader"
            ),
        ]

    def api(self) -> Api:
        tokens = [
            ApiToken("watcher", hash_token(READER_TOKEN), ("reader",)),
            ApiToken("admin", hash_token(OPERATOR_TOKEN), ("reader", "operator")),
        ]
        return Api(
            "Caches",
            "2.0",
            self.operations(),
            description="Caches <near> & far.",
            identify=ApiTokens(tokens, realm="caches"),
        )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def serving(api: Api, app: web.Application | None = None):
    """A client for the API at work."""
    app = app or web.Application()
    api.add_to(app)
    async with TestClient(TestServer(app), auto_decompress=False, headers=PLAIN) as client:
        yield client
