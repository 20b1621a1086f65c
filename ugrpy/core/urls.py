"""Percent-coding, in one place.

A federated path is kept decoded (``str``; bytes that are not UTF-8 survive as surrogate escapes, PEP 383)
and encoded only when it is written into a URL. ``+`` is an ordinary character in paths (RFC 3986
section 3.3), so neither direction treats it as a space.
"""

from urllib.parse import quote, unquote_to_bytes, urlsplit

# pchar of RFC 3986 section 3.3 with "/", less the quote that breaks hand-written HTML and header lists
_SAFE_IN_PATH = "/!$&()*+,;=:@-._~"


def encode_path(path: str) -> str:
    """The percent-encoded form of a decoded path; slashes stay separators."""
    return quote(path, safe=_SAFE_IN_PATH, errors="surrogateescape")


def decode_path(raw: str) -> str:
    """The decoded form of a percent-encoded path; bytes outside UTF-8 become surrogates, and never an error.

    ``raw`` is text as a wire or a command line gives it: bytes outside UTF-8 are surrogate escapes in it, too.
    """
    if "%" not in raw and raw.isascii():
        return raw
    # by way of bytes, since a character may be sent half raw, half escaped, and is one name all the same
    octets = unquote_to_bytes(raw.encode("utf-8", "surrogateescape"))
    return octets.decode("utf-8", "surrogateescape")


def join_url(base_url: str, path: str) -> str:
    """Append a decoded path to a base URL: exactly one slash between them, the path percent-encoded."""
    return base_url.rstrip("/") + "/" + encode_path(path.lstrip("/"))


def origin_of(url: str) -> str:
    """``scheme://host:port`` in lower case with the port always given; for comparing where URLs lead.

    Raises ``ValueError`` when the URL has no host or an impossible port.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"no host in {url!r}")
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"
