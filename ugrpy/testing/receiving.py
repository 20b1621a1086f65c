"""How does a request's body come in at the storage element, when it comes, and what is done with it?"""

from dataclasses import replace

from aiohttp import web

from ugrpy.testing.answers import Answer, Asked
from ugrpy.testing.changes import Disk, Upload, refusal_of_file
from ugrpy.testing.faults import Faults


def expects(request: web.BaseRequest) -> bool:
    """Whether the client waits to be told before it sends its body (RFC 9110 section 10.1.1)."""
    return request.headers.get("Expect", "").lower() == "100-continue" and request.version >= (1, 1)


def ask_for_body(request: web.BaseRequest) -> None:
    """Tell a client that waits to go on."""
    if expects(request) and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def receive(request: web.BaseRequest) -> bytes:
    """The whole body."""
    ask_for_body(request)
    return b"".join([piece async for piece in request.content.iter_any()])


async def answer_before_body(request: web.BaseRequest, answer: Answer) -> Answer:
    """The answer to who is refused or sent on: at once when the body has not been sent yet, and else after it."""
    if expects(request):
        return replace(answer, closes=True)
    await _drain(request)
    return answer


async def _drain(request: web.BaseRequest) -> None:
    async for _ in request.content.iter_any():
        pass


async def upload(
    request: web.BaseRequest, asked: Asked, disk: Disk, faults: Faults, now_s: int
) -> Answer | None:
    """Take a PUT; ``None`` when the faults have it cut in its middle."""
    refused = _refusal(request, asked, disk)
    if refused is not None:
        return await answer_before_body(request, refused)
    arriving = Upload(asked.path, disk, now_s)
    ask_for_body(request)
    async for piece in request.content.iter_any():
        taken = piece
        if faults.take_bytes is not None:
            taken = piece[: faults.take_bytes - arriving.size_bytes]
        if not arriving.add(taken):
            await _drain(request)
            return Answer(507, b"no room\n")
        if len(taken) < len(piece):
            return None
    if faults.take_bytes is not None:
        return None
    return arriving.finish(lose_bytes=faults.lose_bytes, garbage=faults.garbage)


def _refusal(request: web.BaseRequest, asked: Asked, disk: Disk) -> Answer | None:
    if request.raw_path.partition("?")[0].endswith("/"):
        return Answer(409, b"a file has no slash at its end\n")
    if "Content-Range" in asked.headers:
        return Answer(400, b"only whole files\n")
    return refusal_of_file("PUT", asked.path, asked.headers, disk, request.content_length or 0)
