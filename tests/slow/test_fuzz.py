"""Short fuzzing of the gateway: whatever bytes clients send, the answer is ours and the neighbours are served."""

import random
import time

import pytest

from tests.functional.helpers.hostile import check_answer, corpus, exchange
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import ask
from tests.slow.budget import FUZZ_S, TIMEOUT_S, rounds

pytestmark = [pytest.mark.slow, pytest.mark.functional, pytest.mark.timeout(TIMEOUT_S)]

GOOD = [
    b"GET /d/f%201.txt HTTP/1.1\r\nHost: g\r\n\r\n",
    b"HEAD /d/f%201.txt HTTP/1.1\r\nHost: g\r\nWant-Digest: adler32\r\n\r\n",
    b"PROPFIND /d/ HTTP/1.1\r\nHost: g\r\nDepth: 1\r\nContent-Length: 0\r\n\r\n",
    b'PROPFIND / HTTP/1.1\r\nHost: g\r\nDepth: 0\r\nContent-Length: 77\r\n\r\n<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>   ',
    b"OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n",
    b"PUT /d/new HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    b"GET /d/?sort=size&order=desc HTTP/1.1\r\nHost: g\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\r\n",
    b"GET /d/f%201.txt?metalink=4 HTTP/1.0\r\nAccept: application/metalink4+xml;q=0.5\r\n\r\n",
    b"GET http://g/d/../../etc/passwd HTTP/1.1\r\nHost: g\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    b'HEAD /d/f%201.txt HTTP/1.1\r\nHost: g\r\nIf-None-Match: W/"a", "b"\r\nIf-Modified-Since: Thu, 29 Feb 2024 12:34:56 GMT\r\n\r\n',
]
SPICES = [
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\x00", b"%00", b"%2e%2e/", b"%2f", b"%0d%0aX-Injected:%201", b"\r\nX-Injected: 1", b"\xff",
    b"\xc2\x85", b"%", b"//", b"?", b"#", b" ", b"\t", b"Content-Length: 9999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Depth: infinity\r\n", b"Accept: text/html\r\n", b"Forwarded: for=\"[::1]\r\n", b"<!ENTITY a 'b'>", b"HTTP/1.0", b"A" * 9000, b"n" * 256,
]  # fmt: skip


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(4):
            case 0:
                data[at:at] = chance.choice(SPICES)
            case 1:
                del data[at : at + chance.randrange(1, 20)]
            case 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 6))
            case _:
                data = data[:at] + bytearray(chance.choice(seeds)) + data[at:]
    return bytes(data)


def test_no_request_breaks_the_gateway_or_its_answers(start_gateway):
    seeds = GOOD + [path.read_bytes() for path in corpus()]
    answered = quiet = 0
    with elements({"a": tree_of("/d/f 1.txt", "/d/é&<b>.txt", "/d/sub/")}) as storage:
        gateway = start_gateway(
            config=configuration(
                {"a": {"url": storage["a"].base_url, **QUIET}},
                service={"trusted_proxies": ["127.0.0.0/8"]},
            )
        )
        for chance in rounds():
            for _ in range(50):
                request = mutated(chance, seeds)
                begun = time.monotonic()
                received = exchange(gateway, request, quiet_s=0.1)
                check_answer(request, received)
                answered += bool(received)
                quiet += not received
                assert time.monotonic() - begun < 10, request
            assert ask("GET", f"{gateway.url}/d/f%201.txt").status == 302
        assert ask("GET", f"{gateway.url}/readyz").status == 200
        assert answered > max(20, quiet // 2), (answered, quiet)
        # sockets closed in the middle are no errors of ours
        assert "request failed" not in gateway.log_text()
        print(f"{answered} answered, {quiet} not, in {FUZZ_S:g} s")
