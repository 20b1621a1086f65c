"""What does the storage element answer, and how does the answer go wrong on its way out?"""

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from ugrpy.testing import wire
from ugrpy.testing.faults import Faults
from ugrpy.testing.tree import FileNode

_CHUNK_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent when nothing goes wrong. ``length`` overrides the length of ``body`` (for HEAD)."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None


def overridden(faults: Faults) -> Answer | None:
    if faults.status is None:
        return None
    headers = {}
    if faults.retry_after_s is not None:
        headers["Retry-After"] = str(faults.retry_after_s)
    if faults.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="storage"'
    return Answer(faults.status, b"as the test wishes\n", headers)


def read_file(request: web.BaseRequest, node: FileNode, faults: Faults) -> Answer:
    content = node.content
    headers = {
        "Content-Type": "application/octet-stream",
        "Last-Modified": wire.http_date(node.mtime_s),
        "ETag": node.etag,
        "Accept-Ranges": "bytes",
    }
    if digest := wire.render_digest(request.headers.get("Want-Digest", ""), content):
        headers["Digest"] = digest
    if request.method == "HEAD":
        return Answer(200, b"", headers, length=len(content) + faults.size_off)
    if faults.garbage:
        content = bytes(byte ^ 0x55 for byte in content)
    ranges = wire.parse_ranges(request.headers.get("Range", ""), len(content))
    match ranges:
        case None:
            return Answer(200, content, headers)
        case []:
            return Answer(416, b"", headers | {"Content-Range": f"bytes */{len(content)}"})
        case [(first, last)]:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return Answer(206, content[first : last + 1], headers)
        case _:
            headers["Content-Type"] = f"multipart/byteranges; boundary={wire.BOUNDARY}"
            return Answer(206, wire.render_byteranges(content, ranges), headers)


async def send(request: web.BaseRequest, answer: Answer, faults: Faults) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    length = len(answer.body) if answer.length is None else answer.length
    response.content_length = max(0, length + faults.content_length_off)
    cut = faults.reset_after_bytes
    if cut is not None and cut < 0:
        _reset(request)
        return response
    await response.prepare(request)
    body = memoryview(answer.body if request.method != "HEAD" else b"")
    for start in range(0, len(body) if cut is None else min(cut, len(body)), _CHUNK_BYTES):
        end = start + _CHUNK_BYTES
        await response.write(bytes(body[start : end if cut is None else min(end, cut)]))
    if cut is not None:
        await _drained(request)
        _reset(request)
        return response
    await response.write_eof()
    if faults.content_length_off > 0:
        response.force_close()
    return response


async def _drained(request: web.BaseRequest) -> None:
    # a transport tells nobody when its buffer has run empty
    while (transport := request.transport) is not None and transport.get_write_buffer_size():  # noqa: ASYNC110
        await asyncio.sleep(0)


def _reset(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is None:
        return
    # a linger time of zero makes the kernel send RST instead of FIN (socket(7), SO_LINGER)
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
