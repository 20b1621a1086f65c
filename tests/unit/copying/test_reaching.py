"""How the other server of a copy is asked: redirects, what is passed on, and where we do not connect."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from tests.faults.raw_server import RawServer, Wire, http
from ugrpy.copying.partners import Partners
from ugrpy.copying.reaching import MAX_HOPS, Reaching, Remote
from ugrpy.copying.settings import CopySettings
from ugrpy.core.errors import EndpointError, Forbidden, NotFound, RequestError, Unavailable
from ugrpy.namespace.model import Digest
from ugrpy.testing import Faults, StorageElement, Tree

pytestmark = pytest.mark.functional

SECRET = {"Authorization": "Bearer secret"}
LOOPBACK = (ip_network("127.0.0.0/8"),)


@asynccontextmanager
async def reaching(*endpoints: str, **settings: Any) -> AsyncIterator[Reaching]:
    known: dict[str, Any] = {"partner_networks": LOOPBACK, "idle_timeout_s": 2.0}
    chosen = CopySettings(**(known | settings))
    made = Reaching(chosen, Partners(chosen, endpoints))
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def two_servers() -> AsyncIterator[tuple[StorageElement, StorageElement]]:
    """At two addresses, as on two hosts."""
    async with AsyncExitStack() as stack:
        one = StorageElement(Tree(), writable=True)
        two = StorageElement(Tree(), writable=True, listen=("127.0.1.1", 0))
        yield await stack.enter_async_context(one), await stack.enter_async_context(two)


def source(url: str, passed: Mapping[str, str] = SECRET) -> Remote:
    return Remote(url, passed, "source")


def destination(url: str, passed: Mapping[str, str] = SECRET) -> Remote:
    return Remote(url, passed, "destination")


async def body(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def read(reach: Reaching, remote: Remote) -> bytes:
    async with reach.read(remote) as content:
        return b"".join([piece async for piece in content.pieces])


def shown(server: StorageElement, method: str) -> list[str | None]:
    """The credentials that a server was shown."""
    return [headers.get("Authorization") for verb, _path, headers in server.seen if verb == method]


# -- reading --------------------------------------------------------------------------------------


async def test_a_source_is_looked_at_and_read_with_what_the_client_passed_on():
    async with two_servers() as (one, _), reaching() as reach:
        one.tree.add_file("/f", b"hello")
        seen = await reach.look(source(one.base_url + "/f"), ("adler32",))
        assert (seen.size_bytes, seen.digests) == (5, (Digest("adler32", "062c0215"),))
        async with reach.read(source(one.base_url + "/f")) as content:
            assert content.size_bytes == 5
            assert b"".join([piece async for piece in content.pieces]) == b"hello"
        assert shown(one, "HEAD") == shown(one, "GET") == ["Bearer secret"]


@pytest.mark.parametrize(
    ("faults", "kind", "status"),
    [
        (Faults(status=404), NotFound, 404),
        (Faults(status=403), Forbidden, 403),
        (Faults(status=500), Unavailable, 502),
        (Faults(status=503, retry_after_s=3), Unavailable, 503),
        (Faults(reset_after_bytes=-1), Unavailable, 502),
        (Faults(status=302), Unavailable, 502),
    ],
)
async def test_what_is_wrong_with_a_source(faults, kind, status):
    async with two_servers() as (one, _), reaching() as reach:
        one.faults = faults
        with pytest.raises(kind) as caught:
            await read(reach, source(one.base_url + "/f"))
        assert caught.value.status == status
        assert "127.0" not in str(caught.value)


async def test_a_source_that_breaks_off_does_so_to_whoever_reads():
    async with two_servers() as (one, _), reaching() as reach:
        one.tree.add_file("/f", b"x" * 100_000)
        one.faults = Faults(reset_after_bytes=50_000)
        with pytest.raises((EndpointError, RequestError)):
            await read(reach, source(one.base_url + "/f"))


async def test_a_redirect_within_a_host_is_followed_with_the_credential():
    async with two_servers() as (one, _), reaching() as reach:
        one.tree.add_file("/there", b"hello")
        one.faults_at["/f"] = Faults(location=one.base_url + "/there")
        assert await read(reach, source(one.base_url + "/f")) == b"hello"
        assert shown(one, "GET") == ["Bearer secret", "Bearer secret"]


async def test_a_redirect_to_another_host_is_followed_without_it():
    async with two_servers() as (one, two), reaching() as reach:
        two.tree.add_file("/there", b"hello")
        one.faults_at["/f"] = Faults(location=two.base_url + "/there")
        assert await read(reach, source(one.base_url + "/f")) == b"hello"
        assert shown(two, "GET") == [None]


async def test_a_host_that_the_operator_has_named_is_shown_it():
    async with (
        two_servers() as (one, two),
        reaching(partners=("127.0.0.1", "127.0.1.1")) as reach,
    ):
        two.tree.add_file("/there", b"hello")
        one.faults_at["/f"] = Faults(location=two.base_url + "/there")
        assert await read(reach, source(one.base_url + "/f")) == b"hello"
        assert shown(two, "GET") == ["Bearer secret"]


async def test_a_redirect_to_who_is_no_partner_is_not_followed():
    async with two_servers() as (one, two), reaching(partners=("127.0.0.1",)) as reach:
        one.faults_at["/f"] = Faults(location=two.base_url + "/there")
        with pytest.raises(Unavailable, match="no partner"):
            await read(reach, source(one.base_url + "/f"))
        assert not two.seen


async def test_a_redirect_in_a_circle_ends():
    async with two_servers() as (one, _), reaching() as reach:
        one.faults_at["/f"] = Faults(location="{self}")
        with pytest.raises(Unavailable, match=f"more than {MAX_HOPS} redirects"):
            await read(reach, source(one.base_url + "/f"))
        assert one.counts["GET", "/f"] == MAX_HOPS + 1


@pytest.mark.parametrize("settings", [{"partner_networks": ()}, {"allow_http": True}])
async def test_our_own_machine_is_not_connected_to(settings):
    async with (
        two_servers() as (one, _),
        reaching(**({"partner_networks": ()} | settings)) as reach,
    ):
        one.tree.add_file("/f", b"hello")
        for url in (one.base_url, f"http://localhost:{one.port}"):
            with pytest.raises(Forbidden, match="may not connect to the source"):
                await read(reach, source(url + "/f"))
        assert not one.seen


async def test_nor_by_a_redirect():
    networks = (ip_network("127.0.1.0/24"),)
    async with two_servers() as (one, two), reaching(partner_networks=networks) as reach:
        two.faults_at["/f"] = Faults(location=one.base_url + "/f")
        with pytest.raises(Forbidden):
            await read(reach, source(two.base_url + "/f"))
        assert not one.seen


async def test_but_an_endpoint_of_the_federation_is():
    async with two_servers() as (one, _), reaching(one.base_url, partner_networks=()) as reach:
        one.tree.add_file("/f", b"hello")
        assert await read(reach, source(one.base_url + "/f")) == b"hello"


# -- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size_bytes", [10, None])
async def test_a_destination_gets_all_of_it(size_bytes):
    async with two_servers() as (one, _), reaching() as reach:
        await reach.write(destination(one.base_url + "/f"), body(b"hello", b"world"), size_bytes)
        assert one.tree.files["/f"].content == b"helloworld"
        assert shown(one, "PUT") == ["Bearer secret"]


@pytest.mark.parametrize("status", [307, 308, 302, 301])
async def test_a_redirected_put_is_sent_where_it_leads(status):
    async with two_servers() as (one, two), reaching() as reach:
        one.faults_at["/f"] = Faults(status=status, location=two.base_url + "/there")
        fetched: list[bytes] = []

        async def watched() -> AsyncIterator[bytes]:
            async for piece in body(b"hello", b"world"):
                fetched.append(piece)
                yield piece

        await reach.write(destination(one.base_url + "/f"), watched(), 10)
        assert two.tree.files["/there"].content == b"helloworld"
        assert fetched == [b"hello", b"world"]
        assert shown(two, "PUT") == [None]


async def test_a_see_other_is_no_place_for_content():
    async with two_servers() as (one, two), reaching() as reach:
        one.faults_at["/f"] = Faults(status=303, location=two.base_url + "/there")
        with pytest.raises(Unavailable):
            await reach.write(destination(one.base_url + "/f"), body(b"x"), 1)
        assert not two.seen


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (Faults(status=403), 403),
        (Faults(status=409), 409),
        (Faults(status=507), 507),
        (Faults(status=500), 502),
        (Faults(take_bytes=3), 502),
    ],
)
async def test_what_is_wrong_with_a_destination(faults, status):
    async with two_servers() as (one, _), reaching() as reach:
        one.faults = faults
        with pytest.raises(RequestError) as caught:
            await reach.write(destination(one.base_url + "/f"), body(b"x" * 100, b"y"), 101)
        assert caught.value.status == status


async def test_a_server_that_does_not_know_the_question_is_sent_the_content_after_a_while(
    monkeypatch,
):
    monkeypatch.setattr("ugrpy.copying.reaching.CONTINUE_S", 0.1)
    taken: list[bytes] = []

    async def ignores_expectations(wire: Wire) -> None:
        head = await wire.until(b"\r\n\r\n")
        if b"Expect" in head:
            await wire.gone()
            return
        taken.append(await wire.until(b"world"))
        await wire.send(http(201))

    async with RawServer(ignores_expectations) as server, reaching() as reach:
        await reach.write(destination(server.url + "/f"), body(b"hello", b"world"), 10)
    assert taken == [b"helloworld"]


async def test_content_that_takes_its_time_is_not_taken_for_silence(monkeypatch):
    monkeypatch.setattr("ugrpy.copying.reaching.CONTINUE_S", 0.1)

    async def slow() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.3)
        yield b"hello"

    async with two_servers() as (one, _), reaching() as reach:
        await reach.write(destination(one.base_url + "/f"), slow(), 5)
        assert one.tree.files["/f"].content == b"hello"
        assert one.counts["PUT", "/f"] == 1


async def test_a_redirect_in_the_middle_of_the_content_is_not_followed():
    async def late(wire: Wire) -> None:
        await wire.until(b"\r\n\r\n")
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await wire.until(b"hello")
        await wire.send(http(307, b"", "Location: /there"))

    async with RawServer(late) as server, reaching() as reach:
        with pytest.raises(Unavailable, match="in the middle of the content"):
            await reach.write(destination(server.url + "/f"), body(b"hello", b"world"), None)
        assert server.connections == 1
