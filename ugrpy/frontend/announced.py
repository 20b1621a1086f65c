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
    """The checksums of the content (RFC 3230, RFC 9530, RFC 1864, and ownCloud's header)."""
    headers = exchange.request.headers
    found: dict[str, Digest] = {}
    for name in ("Digest", "OC-Checksum"):
        found |= {one.algorithm: one for one in parse_digest(headers.get(name, ""))}
    found |= {one.algorithm: one for one in parse_repr_digest(headers.get("Repr-Digest", ""))}
    if md5 := headers.get("Content-MD5"):
        found |= {one.algorithm: one for one in parse_digest(f"md5={md5.strip()}")}
    return tuple(found[name] for name in sorted(found))


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
