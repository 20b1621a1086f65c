"""The storage element over real loopback sockets, asked by clients that know nothing of it."""

import asyncio
import contextlib
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import zlib

import aiohttp
import pytest
import trustme
from lxml import etree

from ugrpy.testing import Encoding, Faults, Part, StorageElement, Tree, Xml, in_thread
from ugrpy.testing.storage import main

pytestmark = pytest.mark.functional

CONTENT = b"0123456789"


@pytest.fixture
async def se():
    async with StorageElement(Tree({"/a/f": CONTENT, "/a/sub/g": b"g"})) as element:
        yield element


@pytest.fixture
async def client(se):
    async with aiohttp.ClientSession(
        se.base_url, timeout=aiohttp.ClientTimeout(total=20)
    ) as session:
        yield session


async def propfind(
    client: aiohttp.ClientSession, path: str, depth: str = "0", body: bytes = b""
) -> tuple[int, bytes]:
    async with client.request("PROPFIND", path, headers={"Depth": depth}, data=body) as answer:
        return answer.status, await answer.read()


async def on_the_wire(se: StorageElement, path: str, body_bytes: int, method: str = "GET") -> bytes:
    """The answer as it comes, up to this much of the body or the end."""
    reader, writer = await asyncio.open_connection(se.host, se.port)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    try:
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
            body = b""
            while len(body) < body_bytes and (piece := await reader.read(body_bytes - len(body))):
                body += piece
            return head + body
    finally:
        writer.close()


def hrefs(xml: bytes) -> list[str | None]:
    return [href.text for href in etree.fromstring(xml).iter("{DAV:}href")]


async def test_get_and_head(client):
    async with client.get("/a/f", headers={"Want-Digest": "adler32"}) as answer:
        assert (answer.status, await answer.read()) == (200, CONTENT)
        assert answer.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        assert answer.headers["Digest"] == "adler32=0aff020e"
    async with client.head("/a/f") as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (200, "10")
        assert await answer.read() == b""
    async with client.get("/none") as answer:
        assert answer.status == 404
    async with client.get("/a/") as answer:
        assert (await answer.text()).count("<a href") == 2


async def test_ranges(client):
    async with client.get("/a/f", headers={"Range": "bytes=2-4"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"234")
        assert answer.headers["Content-Range"] == "bytes 2-4/10"
    async with client.get("/a/f", headers={"Range": "bytes=50-"}) as answer:
        assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */10")
    async with client.get("/a/f", headers={"Range": "bytes=0-1,8-9"}) as answer:
        assert answer.status == 206
        parts = []
        async for part in aiohttp.MultipartReader.from_response(answer):
            assert isinstance(part, aiohttp.BodyPartReader)
            parts.append((part.headers["Content-Range"], bytes(await part.read())))
    assert parts == [("bytes 0-1/10", b"01"), ("bytes 8-9/10", b"89")]


async def test_propfind(client, se):
    status, xml = await propfind(client, "/a", "1")
    assert status == 207
    assert hrefs(xml) == ["/a/", "/a/f", "/a/sub/"]
    assert hrefs((await propfind(client, "/a/", "0"))[1]) == ["/a/"]
    assert hrefs((await propfind(client, "/a/f", "1"))[1]) == ["/a/f"]
    assert (await propfind(client, "/none"))[0] == 404
    assert (await propfind(client, "/a", body=b"<broken"))[0] == 400
    status, xml = await propfind(client, "/a", "infinity")
    assert status == 403
    assert b"propfind-finite-depth" in xml
    assert se.counts["PROPFIND", "/a"] == 4
    assert se.seen[0][:2] == ("PROPFIND", "/a")
    assert se.seen[0][2]["Depth"] == "1"


async def test_options_and_methods_that_are_not_there(client):
    async with client.options("/") as answer:
        assert (answer.headers["DAV"], "PROPFIND" in answer.headers["Allow"]) == ("1", True)
    async with client.put("/a/new", data=b"x") as answer:
        assert answer.status == 405


async def test_no_dav(client, se):
    se.faults = Faults(no_dav=True)
    assert (await propfind(client, "/a"))[0] == 405
    async with client.options("/") as answer:
        assert "DAV" not in answer.headers
    async with client.get("/a/f") as answer:
        assert await answer.read() == CONTENT


@pytest.mark.parametrize(
    ("faults", "status", "header"),
    [
        (Faults(status=500), 500, None),
        (Faults(status=503, retry_after_s=7), 503, ("Retry-After", "7")),
        (Faults(status=401), 401, ("WWW-Authenticate", 'Basic realm="storage"')),
        (Faults(status=403), 403, None),
    ],
)
async def test_a_status_instead_of_the_truth(client, se, faults, status, header):
    se.faults_at["/a/f"] = faults
    async with client.get("/a/f") as answer:
        assert answer.status == status
        if header:
            assert answer.headers[header[0]] == header[1]
    async with client.get("/a/sub/g") as answer:
        assert answer.status == 200


async def test_delay(client, se):
    se.faults = Faults(delay_s=0.2)
    loop = asyncio.get_running_loop()
    before = loop.time()
    async with client.get("/a/f") as answer:
        assert await answer.read() == CONTENT
    assert loop.time() - before >= 0.19


async def test_hang(client, se):
    se.faults = Faults(hang=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.get("/a/f")
    assert se.counts["GET", "/a/f"] == 1


@pytest.mark.parametrize(
    ("cut", "error"),
    [
        (-1, (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)),
        (0, (aiohttp.ClientPayloadError, aiohttp.ClientOSError)),
        (3, (aiohttp.ClientPayloadError, aiohttp.ClientOSError)),
    ],
)
async def test_reset(client, se, cut, error):
    se.faults = Faults(reset_after_bytes=cut)
    got = b""
    with pytest.raises(error):  # noqa: PT012 - the pieces before the cut count
        async with client.get("/a/f") as answer:
            async for piece in answer.content.iter_any():
                got += piece
    assert got == CONTENT[: max(0, cut)]


async def test_refusing_cuts_open_connections_and_comes_back_on_the_same_port(client, se):
    port = se.port
    async with client.get("/a/f") as answer:
        assert answer.status == 200
    await se.refuse()
    await se.refuse()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.get("/a/f")
    assert "refusing" in repr(se)
    await se.accept()
    await se.accept()
    async with client.get("/a/f") as answer:
        assert (answer.status, se.port) == (200, port)


async def test_lies_about_lengths(client, se):
    se.faults = Faults(size_off=5)
    async with client.head("/a/f") as answer:
        assert answer.headers["Content-Length"] == "15"
    assert b"<D:getcontentlength>15<" in (await propfind(client, "/a/f"))[1]
    async with client.get("/a/f") as answer:
        assert await answer.read() == CONTENT
    se.faults = Faults(content_length_off=5)
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get("/a/f") as answer:
            await answer.read()
    se.faults = Faults(content_length_off=-5)
    raw = await on_the_wire(se, "/a/f", len(CONTENT))
    assert b"\r\nContent-Length: 5\r\n" in raw
    assert raw.endswith(b"\r\n\r\n" + CONTENT), "more was sent than announced"


async def test_broken_xml(client, se):
    se.faults = Faults(truncate_xml=True)
    status, xml = await propfind(client, "/a", "1")
    assert (status, xml.startswith(b"<?xml")) == (207, True)
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(xml)
    se.faults = Faults(garbage=True)
    status, xml = await propfind(client, "/a", "1")
    assert status == 207
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(xml)
    async with client.get("/a/f") as answer:
        garbage = await answer.read()
    assert (len(garbage), garbage != CONTENT) == (10, True)


async def test_absolute_hrefs(client, se):
    se.faults = Faults(absolute_hrefs=True)
    xml = (await propfind(client, "/a", "1"))[1]
    assert hrefs(xml) == [se.base_url + path for path in ("/a/", "/a/f", "/a/sub/")]


async def test_names_that_are_not_utf8(client, se):
    se.tree.add_file("/b/\udcff", b"x")
    assert hrefs((await propfind(client, "/b", "1"))[1]) == ["/b/", "/b/%FF"]
    connection = http.client.HTTPConnection(se.host, se.port, timeout=10)

    def get() -> bytes:
        connection.request("GET", "/b/%FF")
        return connection.getresponse().read()

    assert await asyncio.to_thread(get) == b"x"
    connection.close()


CASES = [
    ("GET", Faults(status=204), b"HTTP/1.1 204 No Content\r\n", b"\r\n\r\n"),
    ("GET", Faults(status=999), b"HTTP/1.1 999 As Said\r\n", b"as the test wishes\n"),
    ("GET", Faults(as_status=203), b"HTTP/1.1 203 ", CONTENT),
    ("GET", Faults(status_line="ICY 200 OK"), b"ICY 200 OK\r\n", CONTENT),
    ("GET", Faults(header="X-Odd: \xe9"), b"\r\nX-Odd: \xc3\xa9\r\n", CONTENT),
    ("GET", Faults(no_length=True), b"\r\nConnection: close\r\n", CONTENT),
    ("GET", Faults(bad_chunks=True), b"\r\nTransfer-Encoding: chunked\r\n", b"\r\n0\r\n\r\n"),
    ("GET", Faults(raw="SSH-2.0-x\r\n"), b"SSH-2.0-x", b"\r\n"),
    ("GET", Faults(dribble=Part.HEAD, piece_bytes=7, gap_s=0.0), b"HTTP/1.1 200 OK\r\n", CONTENT),
    ("GET", Faults(dribble=Part.BODY, gap_s=0.001), b"HTTP/1.1 200 OK\r\n", CONTENT),
    ("GET", Faults(location="{self}"), b"/a/f\r\n", b"\r\n\r\n"),
    ("GET", Faults(location="{next}"), b"/a/f?n=1\r\n", b"\r\n\r\n"),
    ("GET", Faults(location="http://h/", status=307), b"HTTP/1.1 307 ", b"\r\n\r\n"),
    ("GET", Faults(encoding=Encoding.LIE), b"\r\nContent-Encoding: gzip\r\n", CONTENT),
    ("GET", Faults(reset_after_bytes=4, orderly=True), b"\r\nContent-Length: 10\r\n", CONTENT[:4]),
    ("GET", Faults(content_length_off=3), b"\r\nContent-Length: 13\r\n", CONTENT),
    ("HEAD", Faults(size_text="-5"), b"HTTP/1.1 200 OK\r\n", b'3f100"\r\n'),
    ("HEAD", Faults(bad_chunks=True), b"HTTP/1.1 200 OK\r\n", b"chunked\r\n"),
]


@pytest.mark.parametrize(("method", "faults", "head", "end"), CASES)
async def test_what_goes_out(se, method, faults, head, end):
    se.faults = faults
    reader, writer = await asyncio.open_connection(se.host, se.port)
    writer.write(f"{method} /a/f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(20):
        raw = await reader.read()
    writer.close()
    assert head in raw
    assert raw.replace(b"Connection: close\r\n\r\n", b"").endswith(end) or raw.endswith(end)
    assert se.spoilt[method, "/a/f"] == se.counts[method, "/a/f"] == 1
    if faults.size_text:
        assert b"Content-Length" not in raw


async def test_a_number_that_grows(client, se):
    se.faults = Faults(location="{next}")
    async with client.get("/a/f?n=41", allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"{se.base_url}/a/f?n=42"


@pytest.mark.parametrize(
    ("faults", "seen"),
    [
        (Faults(hang=True), b""),
        (Faults(stall_after_bytes=-1), b"HTTP/1.1 200 OK\r\n"),
        (Faults(stall_after_bytes=0), b"\r\n\r\n"),
        (Faults(stall_after_bytes=4), b"\r\n\r\n0123"),
        (Faults(interim=-1), b"HTTP/1.1 103 Early Hints"),
        (Faults(endless=Part.HEAD), b"X-More: xxx"),
        (Faults(endless=Part.BODY), b"\r\n\r\n5\r\n01234\r\n10000\r\nxxx"),
    ],
)
async def test_what_never_ends_ends_when_the_client_leaves(se, faults, seen):
    se.faults = faults
    reader, writer = await asyncio.open_connection(se.host, se.port)
    writer.write(b"GET /a/f HTTP/1.1\r\nHost: x\r\n\r\n")
    raw = b""
    async with asyncio.timeout(20):
        while seen not in raw or not se.counts:
            raw += await reader.read(65536) if seen else b""
            await asyncio.sleep(0)
        tail = raw[raw.index(seen) + len(seen) :] if seen else b""
        if not (faults.endless or faults.interim):
            assert tail == b"" or faults.stall_after_bytes == -1
            assert not raw.endswith(CONTENT)
        writer.close()
        while asyncio.all_tasks() - {asyncio.current_task()} and se._server.connections:
            await asyncio.sleep(0.01)


async def test_a_little_noise_before_the_answer(client, se):
    se.faults = Faults(interim=3)
    async with client.get("/a/f") as answer:
        assert await answer.read() == CONTENT


async def test_a_bomb_is_small_on_the_wire(se):
    se.faults = Faults(encoding=Encoding.BOMB)
    raw = await on_the_wire(se, "/a/f", 1 << 30)
    compressed = raw.partition(b"\r\n\r\n")[2]
    assert 500_000 < len(compressed) < 5_000_000
    assert b"Content-Length: %d\r\n" % len(compressed) in raw
    unpacker = zlib.decompressobj(wbits=31)
    assert unpacker.decompress(compressed, 5_000_000) == CONTENT[:5] + b" " * 4_999_995


async def test_faults_of_a_method_of_a_path_and_of_both(client, se):
    se.faults = Faults(status=500)
    se.faults_for["HEAD"] = Faults(status=501)
    se.faults_at["/a/f"] = Faults(status=502)
    se.faults_by["GET", "/a/f"] = Faults()
    asked = [("GET", "/a/f"), ("HEAD", "/a/f"), ("HEAD", "/a"), ("GET", "/a")]
    statuses = []
    for method, path in asked:
        async with client.request(method, path) as answer:
            statuses.append(answer.status)
    assert statuses == [200, 502, 501, 500]
    assert [se.spoilt[key] for key in asked] == [0, 1, 1, 1]


async def test_lies_in_a_listing_only(client, se):
    se.faults = Faults(listed_size_off=5)
    assert b"<D:getcontentlength>10<" in (await propfind(client, "/a/f"))[1]
    assert b"<D:getcontentlength>15<" in (await propfind(client, "/a", "1"))[1]
    se.faults = Faults(size_text="-5")
    assert b"<D:getcontentlength>-5<" in (await propfind(client, "/a/f"))[1]


async def test_a_listing_that_tells_only_kinds(client, se):
    se.faults = Faults(bare_listings=True)
    assert b"<D:getcontentlength>10<" in (await propfind(client, "/a/f"))[1]
    _, listed = await propfind(client, "/a", "1")
    assert b"/a/f<" in listed
    assert b"resourcetype" in listed
    assert b"getcontentlength" not in listed
    assert b"getlastmodified" not in listed


@pytest.mark.parametrize("tls", [False, True])
async def test_a_mute_one(tls):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
    async with StorageElement(tls=context, mute=True) as element:
        assert element.base_url.startswith("https:" if tls else "http:")
        reader, writer = await asyncio.open_connection(element.host, element.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
    # leaving cuts the connection
    with contextlib.suppress(ConnectionError):
        assert await reader.read() == b""
    writer.close()


async def test_over_tls():
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        StorageElement(Tree({"/f": CONTENT}), tls=server) as element,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session,
    ):
        async with session.get(element.base_url + "/f", ssl=trusting) as answer:
            assert await answer.read() == CONTENT
        element.faults = Faults(reset_after_bytes=-1)
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(element.base_url + "/f", ssl=trusting)


async def test_control_over_http(client, se):
    async with client.put("/.control/faults", json={"status": 500}) as answer:
        assert answer.status == 204
    assert se.faults == Faults(status=500)
    async with client.put("/.control/faults", json={"colour": "red"}) as answer:
        assert (answer.status, "colour" in await answer.text()) == (400, True)
    for bad in (b"[]", b"{"):
        async with client.put("/.control/faults", data=bad) as answer:
            assert answer.status == 400
    async with client.get("/a/f") as answer:
        assert answer.status == 500
    for query, kept in (
        ("?path=/p", lambda: se.faults_at["/p"]),
        ("?method=HEAD", lambda: se.faults_for["HEAD"]),
        ("?path=/p&method=HEAD", lambda: se.faults_by["HEAD", "/p"]),
    ):
        async with client.put(f"/.control/faults{query}", json={"xml": "deep"}) as answer:
            assert answer.status == 204
        assert kept() == Faults(xml=Xml.DEEP)
    async with client.put("/.control/faults", json={"xml": "fine"}) as answer:
        assert (answer.status, "crossed tags" in await answer.text()) == (400, True)
    async with client.get("/.control/counts") as answer:
        assert await answer.json() == [["GET", "/a/f", 1]]
    async with client.get("/.control/x") as answer:
        assert answer.status == 404


async def test_going_away_for_a_while_by_control(client, se):
    async with client.post("/.control/refuse?seconds=0.3") as answer:
        assert answer.status == 204
    refusals = 0
    async with asyncio.timeout(10):
        while True:
            await asyncio.sleep(0.02)
            try:
                async with client.get("/a/f") as answer:
                    if refusals:
                        break
            except aiohttp.ClientError:
                refusals += 1
    assert refusals >= 2


def test_in_a_thread():
    with in_thread(StorageElement(Tree({"/f": b"x"}))) as element:
        connection = http.client.HTTPConnection(element.host, element.port, timeout=10)
        connection.request("GET", "/f")
        assert connection.getresponse().read() == b"x"
        element.from_thread(element.refuse())
        with pytest.raises(ConnectionError):
            http.client.HTTPConnection(element.host, element.port, timeout=10).request("GET", "/f")
        connection.close()
    with (
        pytest.raises(OSError, match="address"),
        in_thread(StorageElement(listen=("192.0.2.1", 0))),
    ):
        pytest.fail("that address is not ours")


def test_as_a_process(tmp_path):
    tree = tmp_path / "tree.json"
    tree.write_text(json.dumps({"/f": "hello"}))
    process = subprocess.Popen(
        [sys.executable, "-m", "ugrpy.testing.storage", "--tree", str(tree)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )
    try:
        assert process.stdout is not None
        base_url = process.stdout.readline().decode().strip()
        host, _, port = base_url.removeprefix("http://").rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", "/f")
        assert connection.getresponse().read() == b"hello"
        connection.close()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    assert (process.returncode, errors) == (0, b"")


def test_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--tree" in capsys.readouterr().out
