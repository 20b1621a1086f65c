"""Short fuzzing: whatever bytes arrive, from clients or from storage, the answer is ours and the neighbours are served."""

import random
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.peers.ask import ask
from ugrpy.core.errors import BadRequest, DataError
from ugrpy.metalink.reader import parse_metalink
from ugrpy.testing.storage import StorageElement, in_thread
from ugrpy.testing.tree import Tree
from ugrpy.webdav.multistatus import MultistatusReader
from ugrpy.webdav.request import parse_propfind

pytestmark = pytest.mark.slow

SEED = 20260301
REQUESTS = 3_000
DOCUMENTS = 20_000
LIMIT_S = 120

GOOD = [
    b"GET /d/f%201.txt HTTP/1.1\r\nHost: g\r\n\r\n",
    b"HEAD /d/f%201.txt HTTP/1.1\r\nHost: g\r\nWant-Digest: adler32\r\n\r\n",
    b"PROPFIND /d/ HTTP/1.1\r\nHost: g\r\nDepth: 1\r\nContent-Length: 0\r\n\r\n",
    b'PROPFIND / HTTP/1.1\r\nHost: g\r\nDepth: 0\r\nContent-Length: 77\r\n\r\n<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>   ',
    b"OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n",
    b"PUT /d/new HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /d/?sort=size&order=desc HTTP/1.1\r\nHost: g\r\nAccept: text/html\r\n\r\n",
    b"GET /d/f%201.txt?metalink=4 HTTP/1.0\r\nAccept: application/metalink4+xml;q=0.5\r\n\r\n",
    b"GET http://g/d/../../etc/passwd HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
]
SPICES = [
    b"\r\n",
    b"\x00",
    b"%00",
    b"%2e%2e/",
    b"%0d%0aX-Injected:%201",
    b"\xff",
    b"%",
    b"//",
    b"?",
    b"#",
    b" ",
    b"\t",
    b"Content-Length: 9999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"<!ENTITY a 'b'>",
    b"A" * 9000,
]


def mutated(random_: random.Random, seed: bytes) -> bytes:
    data = bytearray(seed)
    for _ in range(random_.randrange(1, 5)):
        at = random_.randrange(len(data) + 1)
        match random_.randrange(4):
            case 0:
                data[at:at] = random_.choice(SPICES)
            case 1:
                del data[at : at + random_.randrange(1, 20)]
            case 2:
                data[at:at] = random_.randbytes(random_.randrange(1, 6))
            case _:
                data = data[:at] + bytearray(random_.choice(GOOD)) + data[at:]
    return bytes(data)


def exchange(address: tuple[str, int], data: bytes) -> bytes:
    with socket.create_connection(address, timeout=5) as connection:
        connection.settimeout(0.25)
        received = b""
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except (TimeoutError, ConnectionError, BrokenPipeError):
            pass
        return received


def test_no_request_breaks_the_gateway_or_its_answers(start_gateway):
    element = StorageElement(Tree({"/d/f 1.txt": b"hello", "/d/é&<b>.txt": b""}))
    with in_thread(element) as storage:
        gateway = start_gateway({"a": storage.base_url})
        parts = urlsplit(gateway.url)
        address = (parts.hostname, parts.port)
        random_ = random.Random(SEED)
        ends = time.monotonic() + LIMIT_S
        done = 0
        for number in range(REQUESTS):
            if time.monotonic() > ends:
                break
            request = mutated(random_, random_.choice(GOOD))
            answer = exchange(address, request)
            assert answer == b"" or answer.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")), (
                request,
                answer,
            )
            assert b" 500 " not in answer.partition(b"\r\n")[0], (request, answer)
            assert b"\r\nX-Injected" not in answer, (request, answer)
            done = number + 1
        assert done > REQUESTS // 10, "too slow to say anything"
        assert ask("GET", gateway.url + "/d/f%201.txt").status == 302
        assert ask("GET", gateway.url + "/readyz").status == 200
        # sockets closed in the middle are no errors of ours
        assert "request failed" not in gateway.log_text()


DOCUMENT = (
    b'<?xml version="1.0"?><D:multistatus xmlns:D="DAV:"><D:response><D:href>/a%20b/</D:href><D:propstat><D:prop>'
    b"<D:resourcetype><D:collection/></D:resourcetype><D:getcontentlength>12</D:getcontentlength>"
    b"<D:getlastmodified>Thu, 01 Jan 2026 00:00:00 GMT</D:getlastmodified></D:prop>"
    b"<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
)
METALINK = (
    b'<?xml version="1.0"?><metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="f"><size>5</size>'
    b'<hash type="adler32">062c0215</hash><url priority="1" location="ca">http://a/f</url></file></metalink>'
)
QUESTION = (
    b'<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>'
)


def read_listing(data: bytes) -> None:
    reader = MultistatusReader()
    half = len(data) // 2
    reader.feed(data[:half])
    reader.feed(data[half:])
    reader.close()


@pytest.mark.parametrize(
    ("read", "seed", "refusal"),
    [
        (read_listing, DOCUMENT, DataError),
        (parse_metalink, METALINK, DataError),
        (parse_propfind, QUESTION, BadRequest),
    ],
    ids=["multistatus", "metalink", "propfind"],
)
def test_no_document_does_more_than_be_refused(read, seed, refusal):
    random_ = random.Random(SEED)
    refused = 0
    for _ in range(DOCUMENTS):
        try:
            read(mutated(random_, seed))
        except refusal:
            refused += 1
    assert 0 < refused < DOCUMENTS, "the mutations should leave some whole and break some"
