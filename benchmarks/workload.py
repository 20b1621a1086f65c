"""What is asked, in which order, and which status is right? Requests are rendered before the clock starts."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from benchmarks.corpus import Corpus, list_path, lookup_path

# A Zipf sequence longer than any window would be slow to draw; it wraps, which a hot run does not mind.
ZIPF_LENGTH = 200_000


@dataclass(frozen=True, slots=True)
class Workload:
    """Requests in sending order with the status each must get. A cold one must not ``wrap``: names would repeat."""

    requests: Sequence[bytes]
    expected: Sequence[bytes]
    wraps: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """What the load generator is to ask; plain data, so that it travels as JSON.

    ``kind``: ``fixed`` (one path for ever), ``zipf`` (names 0 to ``names`` - 1, exponent 1), ``each`` (``names`` distinct names
    from ``first`` on, in order), ``path`` (this ``path`` for ever), ``lists`` (the same for collections, PROPFIND Depth 1, with ``encoding`` as Accept-Encoding).
    ``found`` is the status for a name that exists.
    """

    kind: str
    corpus: Mapping[str, int]
    names: int = 10_000
    first: int = 0
    seed: int = 1
    accept: str = "*/*"
    encoding: str = "identity"
    found: int = 302
    repeat: bool = False
    path: str = ""


def render(method: str, path: str, host: str, headers: Mapping[str, str]) -> bytes:
    """One HTTP/1.1 request without a body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "User-Agent: ugrpy-bench"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def build(ask: Ask, host: str) -> Workload:
    """The requests of ``ask``, addressed to ``host`` (host:port)."""
    found = str(ask.found).encode()
    if ask.kind == "path":
        return Workload([render("GET", ask.path, host, {"Accept": ask.accept})], [found], True)
    corpus = Corpus(**ask.corpus)
    if ask.kind == "lists":
        headers = {"Depth": "1", "Accept": ask.accept, "Accept-Encoding": ask.encoding}
        paths = [list_path(ask.first + n) for n in range(ask.names)]
        rendered = [render("PROPFIND", path, host, headers) for path in paths]
        return Workload(rendered, [found] * len(rendered), ask.repeat)
    if ask.kind == "fixed":
        return Workload(
            [render("GET", lookup_path(ask.first), host, {"Accept": ask.accept})], [found], True
        )
    indices = range(ask.first, ask.first + ask.names)
    requests = [render("GET", lookup_path(i), host, {"Accept": ask.accept}) for i in indices]
    expected = [found if corpus.holders(i) else b"404" for i in indices]
    if ask.kind == "each":
        return Workload(requests, expected, ask.repeat)
    order = zipf_order(ask.names, ZIPF_LENGTH, random.Random(ask.seed))
    return Workload([requests[i] for i in order], [expected[i] for i in order], True)


def zipf_order(names: int, length: int, source: random.Random) -> list[int]:
    """``length`` indices; the one of rank ``r`` is drawn with weight 1/r. Ranks are shuffled over the names."""
    ranked = list(range(names))
    source.shuffle(ranked)
    cumulative = list(accumulate(1 / rank for rank in range(1, names + 1)))
    return source.choices(ranked, cum_weights=cumulative, k=length)


def poisson_arrivals(rate: float, seconds: float, source: random.Random) -> list[float]:
    """Arrival times in seconds from the start: independent clients, ``rate`` a second on average."""
    times: list[float] = []
    now = source.expovariate(rate)
    while now < seconds:
        times.append(now)
        now += source.expovariate(rate)
    return times
