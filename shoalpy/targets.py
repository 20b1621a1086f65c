"""What is asked of which cache, and what does an answer say of it? (reference section 7.2)

A forward proxy is asked to fetch the whitelists of CVMFS repositories from stratum-1 servers, or a page from a Frontier launchpad.
A reverse one is asked for a path of its own: the manifest of a repository, or the launchpad's page. What comes back must be what was
asked for and not a page of somebody on the way: the files of a repository name it in a line that starts with ``N``::

    N20260101000000
    Natlas.cern.ch

A squid that may not fetch for us says ``ERR_ACCESS_DENIED`` in its page or its headers, and will say it to everybody.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from shoalpy.model import Address, Cache, CacheType, Upstream

SAYS_WHO = {"X-frontier-id": "shoal-server-verification"}
_DENIED = "ERR_ACCESS_DENIED"
_REPOSITORY = re.compile(r"/cvmfs/([A-Za-z0-9-]+)[A-Za-z0-9.-]*/")
_VISIBLE = re.compile(r"[!-~]+")


class Outcome(StrEnum):
    """What one request showed."""

    PASSED = "passed"
    DENIED = "denied"
    WRONG = "wrong"
    SILENT = "silent"
    NO_CONNECTION = "no connection"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. ``body`` is its beginning; ``detail`` says what went wrong where there is no ``status``.

    ``rtt_s`` is the time until the head of the answer had come.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    rtt_s: float | None = None
    failed: Outcome | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: to ``url``, through ``proxy`` unless that is empty. ``target`` is what the rate is held for.

    ``label`` must stand in the answer as the name of a repository does, unless it is empty.
    """

    url: str
    target: str
    proxy: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Targets:
    """What to ask for, by kind of cache and upstream: URLs for forward proxies, paths for reverse ones."""

    squid_cvmfs: Sequence[str]
    squid_frontier: Sequence[str]
    varnish_cvmfs: Sequence[str]
    varnish_frontier: Sequence[str]
    squid_both_needs_frontier: bool = False


def parse_target_url(text: str) -> str:
    """A URL that a forward proxy is asked for; raises ``ValueError``."""
    if _VISIBLE.fullmatch(text) and _is_plain_http(text):
        return text
    raise ValueError(f"expected a URL that begins with http://, got {text!r}")


def parse_target_path(text: str) -> str:
    """A path that a reverse proxy is asked for; raises ``ValueError``."""
    if text.startswith("/") and not text.startswith("//") and _VISIBLE.fullmatch(text):
        return text
    raise ValueError(f"expected a path that begins with /, got {text!r}")


def parse_cvmfs_url(text: str) -> str:
    """The URL of a file that names its repository; raises ``ValueError``."""
    return _of_repository(parse_target_url(text))


def parse_cvmfs_path(text: str) -> str:
    """The path of a file that names its repository; raises ``ValueError``."""
    return _of_repository(parse_target_path(text))


def rounds_for(cache: Cache, address: Address, targets: Targets) -> list[list[Ask]]:
    """What to ask of the cache: a list for each upstream that it must be good for."""
    beat = cache.beat
    place = f"http://{_in_url(address)}:{beat.port}"
    cvmfs = beat.upstream.serves(Upstream.CVMFS)
    frontier = beat.upstream.serves(Upstream.FRONTIER)
    if beat.cache_type is CacheType.SQUID:
        # shoal's agents call every squid one for both, and many of them may not fetch from a launchpad
        frontier = frontier and (not cvmfs or targets.squid_both_needs_frontier)
        rounds = [
            [_through(place, url, {}) for url in targets.squid_cvmfs] if cvmfs else [],
            [_through(place, url, SAYS_WHO) for url in targets.squid_frontier] if frontier else [],
        ]
    else:
        rounds = [
            [_from(place, path, {}) for path in targets.varnish_cvmfs] if cvmfs else [],
            [_from(place, path, SAYS_WHO) for path in targets.varnish_frontier] if frontier else [],
        ]
    return [asks for asks in rounds if asks]


def judge(ask: Ask, answer: Answer) -> Outcome:
    """What an answer says of the cache."""
    if answer.failed is not None:
        return answer.failed
    squids_word = next((v for k, v in answer.headers.items() if k.lower() == "x-squid-error"), "")
    if _DENIED in squids_word or _DENIED.encode() in answer.body:
        return Outcome.DENIED
    if answer.status != 200:
        return Outcome.WRONG
    label = ask.label.encode()
    lines = answer.body.splitlines()
    named = not label or any(line.startswith(b"N") and label in line for line in lines)
    return Outcome.PASSED if named else Outcome.WRONG


def _through(proxy: str, url: str, headers: Mapping[str, str]) -> Ask:
    label = "" if headers else _label(url)
    return Ask(url, urlsplit(url).netloc.lower(), proxy, _fresh(headers), label)


def _from(place: str, path: str, headers: Mapping[str, str]) -> Ask:
    # which server stands behind a reverse proxy is not known; those asked for the same path are likely to have the same
    return Ask(place + path, path, "", _fresh(headers), "" if headers else _label(path))


def _fresh(headers: Mapping[str, str]) -> Mapping[str, str]:
    """A launchpad's page must come from there and not from what is cached (reference section 4)."""
    return {**headers, "Cache-Control": "max-age=0"} if headers else {}


def _label(url: str) -> str:
    found = _REPOSITORY.search(url)
    return found[1] if found else ""


def _is_plain_http(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = 80 if parts.port is None else parts.port
    except ValueError:
        return False
    named = parts.hostname and "@" not in parts.netloc
    return bool(parts.scheme == "http" and named and port > 0 and not parts.fragment)


def _of_repository(text: str) -> str:
    if not _label(text):
        raise ValueError(f"expected a file below /cvmfs/REPOSITORY/, got {text!r}")
    return text


def _in_url(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)
