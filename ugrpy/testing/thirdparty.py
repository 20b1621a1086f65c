"""How does the storage element move bytes to and from another server? COPY with Source or Destination, done by itself.

It is answered 201 at once, then come performance markers and a last line, as XRootD does it. The other side is asked for by
HTTP; every hop of a redirect is sent all that ``TransferHeader*`` say. Written apart from ``ugrpy.webdav`` on purpose.

What this fake cannot imitate: several streams, checksums compared at the end, delegated credentials and macaroons, limits on
where it may fetch from. Certificates of the other side are not looked at.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp import web

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.core.clock import Clock
from ugrpy.testing.answers import Answer, Asked
from ugrpy.testing.changes import Disk, Upload, refusal_of_file
from ugrpy.testing.faults import CopyFault, Faults

_SAYS_SO = ("source", "credential", "x-number-of-streams", "requirechecksumverification")
_TRANSFER = "transferheader"
_MOST_HOPS = 10
_PIECE_BYTES = 64 * 1024
_PATIENCE = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)


def is_third_party(headers: Mapping[str, str], authority: str) -> bool:
    """Whether such a COPY is about another server."""
    names = {name.lower() for name in headers}
    if names & set(_SAYS_SO) or any(name.startswith(_TRANSFER) for name in names):
        return True
    netloc = urlsplit(headers.get("Destination", "")).netloc
    return netloc not in ("", authority)


@dataclass(slots=True)
class Errand:
    """What is to be moved: ``path`` here and ``url`` there, and how much of it has been."""

    pulls: bool
    path: str
    url: str
    disk: Disk
    clock: Clock
    fault: CopyFault | None = None
    headers: dict[str, str] = field(default_factory=dict)
    moved_bytes: int = 0
    stopped: bool = False

    def stop(self) -> "_Stopped":
        """What to raise where the fault asks for no more."""
        self.stopped = True
        return _Stopped()


class _Failed(Exception):
    """It did not work; why is the message."""


class _Stopped(Exception):
    """The fault asks for no more."""


def accept(asked: Asked, disk: Disk, faults: Faults, clock: Clock) -> Errand | Answer:
    """What a COPY asks for, or why it is refused before anything moves."""
    headers = asked.headers
    source, destination = headers.get("Source"), headers.get("Destination")
    if (source is None) == (destination is None):
        return Answer(400, b"either Source or Destination\n")
    url = source or destination or ""
    if urlsplit(url).scheme not in ("http", "https"):
        return Answer(400, b"no http or https URL\n")
    if source is None and asked.path not in disk.tree.files:
        return Answer(404, b"no such file\n")
    if source is not None:
        if asked.path in disk.tree.files and headers.get("Overwrite", "T").upper() == "F":
            return Answer(412, b"there is something of that name\n")
        if (refused := refusal_of_file("PUT", asked.path, {}, disk)) is not None:
            return refused
    passed = {
        name[len(_TRANSFER) :]: value
        for name, value in headers.items()
        if name.lower().startswith(_TRANSFER)
    }
    return Errand(source is not None, asked.path, url, disk, clock, faults.copy, passed)


async def carry_out(
    request: web.BaseRequest, errand: Errand, interval_s: float
) -> web.StreamResponse:
    """Do it, and tell how far it is every ``interval_s``."""
    answer = web.StreamResponse(status=201, headers={"Content-Type": "text/plain"})
    if request.version >= (1, 1):
        answer.enable_chunked_encoding()
    await answer.prepare(request)
    work = spawn(_last_line(errand), name=f"third-party copy of {errand.path}")
    try:
        # davix hangs up when it has read the last line
        with suppress(ConnectionResetError):
            while not work.done():
                await answer.write(_marker(errand))
                await asyncio.wait({work}, timeout=interval_s)
            await answer.write(work.result())
            await answer.write_eof()
    finally:
        await cancel_and_wait(work)
    return answer


def _marker(errand: Errand) -> bytes:
    return (
        f"Perf Marker\n\tTimestamp: {int(errand.clock.wall())}\n\tStripe Index: 0\n"
        f"\tStripe Bytes Transferred: {errand.moved_bytes}\n\tTotal Stripe Count: 1\nEnd\n"
    ).encode()


async def _last_line(errand: Errand) -> bytes:
    """What the stream ends with: nothing where the fault is that there is no last line."""
    if errand.fault is CopyFault.LIES:
        return b"success: Created"
    try:
        async with aiohttp.ClientSession(timeout=_PATIENCE, auto_decompress=False) as session:
            await (_pull(errand, session) if errand.pulls else _push(errand, session))
    except _Failed as error:
        return f"failure: {error}\n".encode()
    except (_Stopped, aiohttp.ClientError, OSError) as error:
        # the client wraps what a body raises, so the flag says it, and not the class
        if not errand.stopped:
            return f"failure: {type(error).__name__} at the remote side\n".encode()
        return await _stopped(errand.fault)
    return b"success: Created"


async def _stopped(fault: CopyFault | None) -> bytes:
    if fault is CopyFault.HANGS:
        await asyncio.Event().wait()
    return b"" if fault is CopyFault.UNENDED else b"failure: as the test wishes\n"


async def _pull(errand: Errand, session: aiohttp.ClientSession) -> None:
    upload = Upload(errand.path, errand.disk, int(errand.clock.wall()))
    answer = await _ask(errand, session, "GET")
    async with answer:
        half = (answer.content_length or 0) // 2
        async for piece in answer.content.iter_chunked(_PIECE_BYTES):
            taken = piece if errand.fault is None else piece[: half - errand.moved_bytes]
            if not upload.add(taken):
                raise _Failed("no room")
            errand.moved_bytes += len(taken)
            if errand.fault is not None and errand.moved_bytes >= half:
                raise errand.stop()
    upload.finish()


async def _push(errand: Errand, session: aiohttp.ClientSession) -> None:
    answer = await _ask(errand, session, "PUT")
    answer.release()


async def _pieces(errand: Errand) -> AsyncIterator[bytes]:
    """The file that is pushed. A redirect begins it anew."""
    content = errand.disk.tree.files[errand.path].content
    whole = len(content) if errand.fault is None else len(content) // 2
    errand.moved_bytes = 0
    for start in range(0, whole, _PIECE_BYTES):
        piece = content[start : min(start + _PIECE_BYTES, whole)]
        yield piece
        errand.moved_bytes += len(piece)
    if errand.fault is not None:
        raise errand.stop()


async def _ask(
    errand: Errand, session: aiohttp.ClientSession, method: str
) -> aiohttp.ClientResponse:
    """The answer of the last hop. Raises ``_Failed`` when it is no success."""
    url = errand.url
    for _ in range(_MOST_HOPS):
        answer = await _hop(errand, session, method, url)
        if answer.status < 300:
            return answer
        answer.close()
        location = answer.headers.get("Location")
        if answer.status >= 400 or not location:
            raise _Failed(f"Remote side failed with status code {answer.status}")
        url = urljoin(url, location)
    raise _Failed("Remote side redirects without end")


async def _hop(
    errand: Errand, session: aiohttp.ClientSession, method: str, url: str
) -> aiohttp.ClientResponse:
    if method == "GET":
        return await session.get(url, headers=errand.headers, allow_redirects=False, ssl=False)
    size_bytes = len(errand.disk.tree.files[errand.path].content)
    # as libcurl does it: who redirects need not take the bytes first
    return await session.put(
        url,
        data=_pieces(errand),
        headers={**errand.headers, "Content-Length": str(size_bytes)},
        allow_redirects=False,
        expect100=True,
        ssl=False,
    )
