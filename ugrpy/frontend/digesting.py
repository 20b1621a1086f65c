"""Which checksums does a request want, and how are they told to it?

``Want-Digest`` (RFC 3230) is what davix, gfal2 and aria2 send, ``Want-Repr-Digest`` (RFC 9530) what is to come; each is answered in its own
family of headers. With a redirect goes only the older one: a ``Repr-Digest`` there would be of the redirect itself (RFC 9530 section 3).
"""

from dataclasses import dataclass

from multidict import CIMultiDict, CIMultiDictProxy

from ugrpy.frontend.fields import proxy_note
from ugrpy.namespace.model import Digest
from ugrpy.webdav.digests import (
    parse_want_digest,
    parse_want_repr_digest,
    render_digest,
    render_repr_digest,
)

_WANT, _WANT_REPR = "Want-Digest", "Want-Repr-Digest"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The algorithms, by our names and the most wanted first: of either family of headers, and all together."""

    digest: tuple[str, ...] = ()
    repr_digest: tuple[str, ...] = ()

    @property
    def algorithms(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(dict.fromkeys((*self.digest, *self.repr_digest)))


def wants_digest(headers: CIMultiDictProxy[str]) -> bool:
    """Whether any checksum is wanted, known to us or not."""
    return _WANT in headers or _WANT_REPR in headers


def wanted_digests(headers: CIMultiDictProxy[str]) -> Wanted:
    """What is wanted of what we know."""
    return Wanted(
        parse_want_digest(",".join(headers.getall(_WANT, ()))),
        parse_want_repr_digest(",".join(headers.getall(_WANT_REPR, ()))),
    )


def tell_digests(headers: CIMultiDict[str], wanted: Wanted, digests: tuple[Digest, ...]) -> None:
    """Add those that each family asked for."""
    if told := render_digest(one for one in digests if one.algorithm in wanted.digest):
        headers["Digest"] = told
    if told := render_repr_digest(one for one in digests if one.algorithm in wanted.repr_digest):
        headers["Repr-Digest"] = told


def tell_why_not(headers: CIMultiDict[str], why: str) -> None:
    """Say why there is no checksum in the answer; the rest of it is as good as ever (RFC 3230 section 4.3.1)."""
    note = proxy_note(f"no checksum: {why}")
    before = headers.get("Proxy-Status")
    headers["Proxy-Status"] = f"{before}, {note}" if before else note
