"""How is the content of a request read, so that neither its size nor its pace can hurt us?

For small documents such as the question in a PROPFIND. When it is refused, the rest of the content may still be on its way, and
the answer says that the connection ends with it (``ends_connection``).
"""

import asyncio

from aiohttp import hdrs, web

from ugrpy.core.errors import BadRequest, RequestError

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class ContentTooLarge(RequestError):
    """More content than this method takes (RFC 9110 section 15.5.14)."""

    status = 413
    title = "Content Too Large"


class ContentTooSlow(RequestError):
    """The content did not arrive in time (RFC 9110 section 15.5.9)."""

    status = 408
    title = "Request Timeout"


class CodedContent(RequestError):
    """A content coding that is not taken back here (RFC 9110 section 15.5.16)."""

    status = 415
    title = "Unsupported Media Type"


class CodedTransfer(RequestError):
    """A transfer coding beside ``chunked`` (RFC 9112 section 6.1)."""

    status = 501
    title = "Not Implemented"


async def read_body(request: web.BaseRequest, *, max_bytes: int, timeout_s: float) -> bytes:
    """The whole content, empty when there is none. A client that asks whether to send it (``Expect``) is told to go on.

    Raises ``ContentTooLarge``, ``ContentTooSlow``, ``CodedContent``, ``CodedTransfer``, and ``BadRequest`` when it breaks off
    in bytes that are no chunk.
    """
    refuse_coded(request)
    if (request.content_length or 0) > max_bytes:
        raise _too_large(max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            await go_on(request)
            return await _read(request, max_bytes)
    except TimeoutError:
        raise ContentTooSlow(f"the content did not arrive within {timeout_s:g} seconds") from None
    except web.RequestPayloadError:
        raise BadRequest("the content is not in well-formed chunks") from None


def has_body(request: web.BaseRequest) -> bool:
    """Whether the request announces content, of whatever length but none."""
    return bool(request.content_length) or hdrs.TRANSFER_ENCODING in request.headers


def ends_connection(request: web.BaseRequest, status: int) -> bool:
    """Whether an error answered with ``status`` leaves content on the way that nobody can or will wait for.

    So does any answer instead of ``100 Continue``: some clients send the content after it and some do not
    (RFC 9110 section 10.1.1), and what comes next on the connection would be anybody's guess.
    """
    if status in (ContentTooLarge.status, ContentTooSlow.status):
        return True
    content = request.content
    return content.exception() is not None or (
        hdrs.EXPECT in request.headers and not content.is_eof()
    )


def refuse_coded(request: web.BaseRequest) -> None:
    """Raises ``CodedContent`` or ``CodedTransfer`` for content in a form that is not taken back here."""
    headers = request.headers
    if headers.get(hdrs.CONTENT_ENCODING, "identity").strip().lower() != "identity":
        raise CodedContent("content is taken without a content coding only")
    if headers.get(hdrs.TRANSFER_ENCODING, "chunked").strip().lower() != "chunked":
        raise CodedTransfer("no transfer coding but chunked is known here")


async def go_on(request: web.BaseRequest) -> None:
    """Tell a client that asks whether to send its content (``Expect``) to do so."""
    asked = request.headers.get(hdrs.EXPECT, "").strip().lower() == "100-continue"
    if asked and request.version >= (1, 1) and not request.content.at_eof():
        await request.writer.write(CONTINUE)
        request.writer.output_size = (
            0  # or an error after it would count as an answer already begun
        )


async def _read(request: web.BaseRequest, max_bytes: int) -> bytes:
    content = request.content
    if (error := content.exception()) is not None:
        raise error
    pieces: list[bytes] = []
    left = max_bytes + 1
    while left and not content.at_eof():
        piece = await content.read(left)
        pieces.append(piece)
        left -= len(piece)
    if not left:
        raise _too_large(max_bytes)
    return b"".join(pieces)


def _too_large(max_bytes: int) -> ContentTooLarge:
    return ContentTooLarge(f"the content of this request is at most {max_bytes} bytes")
