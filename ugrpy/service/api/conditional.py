"""Has the client got it already, and in which coding does it want it? (RFC 9110 sections 8.8, 12.5.3 and 13.1.2)"""

import asyncio
import re
import zlib
from hashlib import blake2b

from aiohttp.web_response import ContentCoding

# RFC 9110 section 8.8.3
_OPAQUE_TAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')

# The format of each for zlib: with gzip's frame, or with zlib's own, which is what "deflate" means (RFC 9110 section 8.4.1.2).
_WINDOW_BITS = {ContentCoding.gzip: 31, ContentCoding.deflate: 15}
# Two thirds of the time of zlib's default (6), for one part in twenty more bytes of JSON.
_LEVEL = 4
# Longer bodies are compressed in a thread, since the loop would stand still for milliseconds.
INLINE_BYTES = 64 * 1024


def strong_etag(body: bytes, coding: ContentCoding | None = None) -> str:
    """The tag of these bytes. Each coding has a tag of its own: a strong tag is about the bytes sent (section 8.8.3.3)."""
    suffix = f"-{coding.value}" if coding is not None else ""
    return f'"{blake2b(body, digest_size=12).hexdigest()}{suffix}"'


def has_already(if_none_match: str, etag: str) -> bool:
    """Whether ``If-None-Match`` names the tag, compared weakly (section 13.1.2), or anything."""
    return if_none_match.strip() == "*" or etag in _OPAQUE_TAG.findall(if_none_match)


async def compressed(body: bytes, coding: ContentCoding) -> bytes:
    """The body in that coding; the same bytes each time."""
    if len(body) <= INLINE_BYTES:
        return _compress(body, coding)
    return await asyncio.to_thread(_compress, body, coding)


def _compress(body: bytes, coding: ContentCoding) -> bytes:
    compressor = zlib.compressobj(_LEVEL, wbits=_WINDOW_BITS[coding])
    return compressor.compress(body) + compressor.flush()
