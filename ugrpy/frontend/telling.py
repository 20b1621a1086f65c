"""What is said in the headers of each answer of how it came about, for somebody who has nothing but curl?

``Cache-Status`` says where it comes from and how long that is good, ``Age`` how old it is, ``Server-Timing`` what took how long.
(``Proxy-Status``, who is missing, goes with those who know: ``answers.note_missing``.) Everything is read off the exchange when its answer is
ready. Redirects of remembered names are the bulk of all answers, so theirs are made of bytes that thousands of them share.
"""

from collections.abc import Iterator
from functools import lru_cache

from multidict import CIMultiDict

from ugrpy.federation import KnownListing, KnownName
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.fields import CacheUse, Took, cache_status, server_timing
from ugrpy.namespace.origin import Origin, told
from ugrpy.service.quick import WITHOUT_BODY
from ugrpy.webdav.provenance import Provenance

LEASE = "lease"
"""The store that gateways share is away, so that others' changes are seen late, at the latest after ``lease_s``."""

_CHANGES = frozenset({"PUT", "DELETE", "MKCOL", "MOVE", "COPY", "PROPPATCH"})
# Refusals that never looked at anything: a cache says nothing of them (RFC 9211 section 2).
_UNSEEN = frozenset({400, 403, 405, 411, 413, 414, 415, 417, 429, 431, 500})
# Ages and lifetimes go together, so that there are not many more pairs of them than seconds that a name is remembered.
_TAILS_KEPT = 4096


def tell(exchange: Exchange, status: int, headers: CIMultiDict[str]) -> None:
    """Add what is known of how this answer came about, once."""
    if "Server-Timing" in headers:
        return
    now = exchange.now()
    known = exchange.known
    origin = _origin(exchange)
    if origin is not None:
        headers["Cache-Status"] = cache_status(_use(exchange, origin, now))
        if known is not None and origin is not Origin.ENDPOINTS:
            headers["Age"] = str(_age(known, now))
    elif exchange.request.method in _CHANGES and status not in _UNSEEN:
        headers["Cache-Status"] = cache_status(CacheUse(hit=False, fwd="method"))
    headers["Server-Timing"] = server_timing(list(_took(exchange, origin, now)))


def quick_tail(exchange: Exchange, known: KnownName) -> bytes:
    """The same for a redirect of what this worker remembers, up to the value of ``Date``."""
    now = exchange.now()
    until_s = known.fresh_until_s
    detail = ""
    if exchange.leased or known.origin is not Origin.ENDPOINTS:
        detail = _detail(exchange, told(known.origin, recalled=True))
    ttl_s = 0 if until_s is None else int(until_s - now)
    # rounded up to a tenth, so that there are few, and never nothing
    tenths_ms = int((now - exchange.started_s) * 10_000) + 1
    return _of_age(int(now - known.at_s), ttl_s, detail) + _in_time(tenths_ms)


@lru_cache(maxsize=_TAILS_KEPT)
def _of_age(age_s: int, ttl_s: int, detail: str) -> bytes:
    use = CacheUse(hit=True, ttl_s=ttl_s, detail=detail)
    return f"Age: {max(0, age_s)}\r\nCache-Status: {cache_status(use)}\r\n".encode("ascii")


@lru_cache(maxsize=_TAILS_KEPT)
def _in_time(tenths_ms: int) -> bytes:
    timing = server_timing([Took("cache", desc="hit"), Took("total", tenths_ms / 10_000)])
    return f"Server-Timing: {timing}\r\n".encode("ascii") + WITHOUT_BODY


def provenance(exchange: Exchange, known: KnownName | KnownListing) -> Provenance:
    """The same for those who look into the answer: who was heard, how long ago, and who is missing."""
    now = exchange.now()
    return Provenance(
        age_s=_age(known, now),
        ages_s={name: max(0, int(now - at_s)) for name, at_s in known.parts.items()},
        missing=known.missing,
        asked=known.asked,
        shown=exchange.show_endpoints,
    )


def _origin(exchange: Exchange) -> Origin | None:
    """Where it comes from; ``None`` when the cache had nothing to do with it."""
    if not exchange.cache:
        return None
    recalled = exchange.cache == "hit"
    if exchange.known is None:
        return Origin.MEMORY if recalled else Origin.ENDPOINTS
    return told(exchange.known.origin, recalled=recalled)


def _use(exchange: Exchange, origin: Origin, now: float) -> CacheUse:
    known = exchange.known
    detail = _detail(exchange, origin)
    until_s = None if known is None else known.fresh_until_s
    ttl_s = None if until_s is None else int(until_s - now)
    if origin is not Origin.ENDPOINTS:
        if ttl_s is not None and origin is Origin.LAST_KNOWN:
            ttl_s = min(-1, ttl_s)
        return CacheUse(hit=True, ttl_s=ttl_s, detail=detail)
    stored = until_s is not None and until_s > now
    return CacheUse(
        hit=False,
        fwd=exchange.fwd,
        ttl_s=ttl_s if stored else None,
        stored=stored,
        collapsed=known is not None and known.at_s < exchange.started_s,
        detail=detail,
    )


def _detail(exchange: Exchange, origin: Origin) -> str:
    if origin is Origin.LAST_KNOWN:
        return origin
    if exchange.leased:
        return LEASE
    return origin if origin is Origin.SHARED else ""


def _age(known: KnownName | KnownListing, now: float) -> int:
    return max(0, int(now - known.at_s))


def _took(exchange: Exchange, origin: Origin | None, now: float) -> Iterator[Took]:
    if origin is not None:
        word = {Origin.MEMORY: "hit", Origin.ENDPOINTS: exchange.fwd}.get(origin, origin.value)
        yield Took("cache", desc=word)
    if exchange.waited_s is not None:
        whom = "shared" if origin is Origin.SHARED else "fanout"
        yield Took(whom, exchange.waited_s)
    if origin is Origin.ENDPOINTS and exchange.known is not None:
        yield from _slowest(exchange, exchange.known)
    yield Took("total", now - exchange.started_s)


def _slowest(exchange: Exchange, known: KnownName | KnownListing) -> Iterator[Took]:
    parts = known.parts
    if parts:
        last = max(parts, key=lambda name: parts[name])
        desc = last if exchange.show_endpoints else ""
        yield Took("slowest", max(0.0, parts[last] - known.at_s), desc)
