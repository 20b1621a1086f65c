"""In which coding does the client want a body: gzip, deflate, or as it is? (RFC 9110 section 12.5.3)"""

from aiohttp.web_response import ContentCoding

from ugrpy.service.weights import weights

# Below this a compressed body saves nothing that would show.
SMALLEST_BYTES = 1024

# In the order of our choice, with the names of each; "x-gzip" is the same as "gzip" (RFC 9110 section 8.4.1.3).
_CODINGS = {
    ContentCoding.gzip: ("gzip", "x-gzip"),
    ContentCoding.deflate: ("deflate",),
}


def content_coding(accept_encoding: str | None) -> ContentCoding | None:
    """The coding to use, ``None`` for none: the one of most weight, gzip among equals, none where it weighs more."""
    if not accept_encoding:
        return None
    wanted = weights(accept_encoding)
    anything = wanted.get("*", 0.0)
    best, chosen = wanted.get("identity", 0.0), None
    for coding, names in _CODINGS.items():
        weight = max((wanted[name] for name in names if name in wanted), default=anything)
        if weight > best or (weight == best > 0 and chosen is None):
            best, chosen = weight, coding
    return chosen
