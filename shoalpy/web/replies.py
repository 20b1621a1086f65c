"""How is an answer sent: not at all when the client has it already, compressed when that is worth it? (RFC 9110 sections 8.8, 12.5.3)"""

from dataclasses import dataclass, field

from aiohttp import hdrs, web
from aiohttp.web_response import ContentCoding

from ugrpy import __version__
from ugrpy.service.api.conditional import compressed, has_already, strong_etag
from ugrpy.service.coding import SMALLEST_BYTES, content_coding

JSON = "application/json"
SERVER = f"shoalpy/{__version__}"
# What depends on who asks must not be kept for others, and caches are what most callers sit behind.
FOR_THE_CALLER = "private, no-cache"
FOR_ALL = "no-cache"


@dataclass(slots=True)
class Document:
    """A body that is sent more than once; its codings and their tags are made when they are first wanted."""

    body: bytes
    content_type: str = JSON
    cache_control: str = FOR_ALL
    _forms: dict[ContentCoding | None, tuple[str, bytes]] = field(default_factory=dict)

    async def form(self, coding: ContentCoding | None) -> tuple[str, bytes]:
        """The tag and the bytes in this coding."""
        found = self._forms.get(coding)
        if found is None:
            body = self.body if coding is None else await compressed(self.body, coding)
            found = self._forms[coding] = (strong_etag(self.body, coding), body)
        return found


async def send(request: web.BaseRequest, document: Document) -> web.Response:
    """The document with its tag: 304 without a body when the client has it."""
    coding = coding_for(request, len(document.body))
    etag, body = await document.form(coding)
    headers = {
        "Server": SERVER,
        "ETag": etag,
        "Cache-Control": document.cache_control,
        "Vary": "Accept-Encoding",
    }
    if has_already(request.headers.get(hdrs.IF_NONE_MATCH, ""), etag):
        return web.Response(status=304, headers=headers)
    if coding is not None:
        headers["Content-Encoding"] = coding.value
    headers["Content-Type"] = document.content_type
    return web.Response(body=body, headers=headers)


def plain(status: int, text: str, **headers: str) -> web.Response:
    """A short text, as shoal and WLCG's services tell trouble."""
    return web.Response(status=status, text=text, headers={"Server": SERVER, **headers})


def coding_for(request: web.BaseRequest, size_bytes: int) -> ContentCoding | None:
    """The coding for a body of this size."""
    if size_bytes < SMALLEST_BYTES:
        return None
    return content_coding(request.headers.get(hdrs.ACCEPT_ENCODING))
