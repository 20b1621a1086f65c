"""What does a client say beforehand of what it is going to write or change: how long, which checksums, on which conditions?"""

from urllib.parse import parse_qsl

from ugrpy.changing.uploads import Permit
from ugrpy.core.errors import BadRequest, PreconditionFailed
from ugrpy.frontend.exchange import Exchange
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Digest
from ugrpy.webdav.digests import parse_digest, parse_repr_digest
from ugrpy.webdav.validators import permits_change, weak_etag

# XRootD's clients say in the query how long a file is going to be.
_LENGTH_IN_QUERY = "oss.asize"
_LENGTH_OF_CHUNKED = "X-Expected-Entity-Length"


def announced_length(exchange: Exchange) -> int | None:
    """The length of the content in bytes, ``None`` when it is sent in chunks and nothing says how long it will be."""
    request = exchange.request
    if request.content_length is not None:
        return request.content_length
    said = request.headers.get(_LENGTH_OF_CHUNKED, "")
    said = said or dict(parse_qsl(exchange.query)).get(_LENGTH_IN_QUERY, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else None


def announced_digests(exchange: Exchange) -> tuple[Digest, ...]:
    """The checksums of the content: by RFC 3230, RFC 9530 and RFC 1864, and in ownCloud's header, which rclone sends as well.

    A ``Content-Digest`` is of the bytes as they are sent, and those are what is stored. Of a client that contradicts itself nothing is believed.
    """
    headers = exchange.request.headers

    def said(name: str) -> str:
        return ",".join(headers.getall(name, ()))

    found: dict[str, Digest] = {}
    contradicted: set[str] = set()
    for digest in (
        *parse_digest(said("Digest")),
        *parse_digest(said("OC-Checksum")),
        *parse_repr_digest(said("Repr-Digest")),
        *parse_repr_digest(said("Content-Digest")),
        *parse_digest(f"md5={said('Content-MD5').strip()}"),
    ):
        if found.setdefault(digest.algorithm, digest) != digest:
            contradicted.add(digest.algorithm)
    return tuple(found[name] for name in sorted(found.keys() - contradicted))


def conditions(exchange: Exchange) -> Permit:
    """What raises ``PreconditionFailed`` for a state that the client does not want changed (RFC 9110 section 13)."""
    headers = exchange.request.headers
    if_match = ", ".join(headers.getall("If-Match", ()))
    if_none_match = ", ".join(headers.getall("If-None-Match", ()))

    def permit(merged: Merged | None) -> None:
        etag = None if merged is None else weak_etag(merged.entry)
        if not permits_change(if_match, if_none_match, etag):
            raise PreconditionFailed(f"{exchange.external} does not meet the request's conditions")

    return permit


def refuse_fragment(exchange: Exchange) -> None:
    """A change is never made to less, or to more, than what the client names. Raises ``BadRequest``."""
    if "#" in exchange.request.raw_path:
        raise BadRequest("the request target has a fragment, which names no resource of its own")
