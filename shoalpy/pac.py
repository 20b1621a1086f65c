"""A script that tells a client which proxies to use for a URL: proxy auto-configuration (PAC).

::

    // For SITE-A; CMS: T2_A
    function FindProxyForURL(url, host) {
        if (shExpMatch(url, "*/cvmfs/*")) {
            return "PROXY http://c.example.org:3128";
        }
        ran = Math.random();
        if (ran < 1/2) return "PROXY http://b.example.org:3128; PROXY http://a.example.org:3128; DIRECT";
        return "PROXY http://a.example.org:3128; PROXY http://b.example.org:3128; DIRECT";
    }

CVMFS and Frontier, and so the WLCG services, write the scheme before the host; browsers expect none (reference sections 2.3
and 10.2). Everything that stands in a string or a comment is escaped into ASCII, so that no text of anybody can leave it, whatever it is
(reference section 13, item 9).
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from shoalpy.proxylist import Proxy, Special, unique

CONTENT_TYPE = "application/x-ns-proxy-autoconfig"
# Frontier refuses scripts of more than 65,536 bytes (reference section 10.3), and ten long names are 2.7 kB in each rotation.
_MOST_ROTATIONS = 12


class PacStyle(StrEnum):
    """How a proxy is written: with its scheme, as CVMFS and Frontier have it, or without, as browsers do."""

    WLCG = "wlcg"
    STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Route:
    """Which way URLs go. The groups are tried in order; the proxies of a group share the load. Then the backups, then ``direct``.

    A route with nothing in it gives ``NONE``, which makes Frontier fail and CVMFS look elsewhere.
    """

    groups: tuple[tuple[Proxy, ...], ...] = ()
    backups: tuple[Proxy, ...] = ()
    direct: bool = False

    @property
    def rotations(self) -> int:
        """How many orders there must be for each proxy to come first in its group equally often."""
        sizes = [len(group) for group in self.groups if group]
        all_ = math.lcm(*sizes)
        return all_ if all_ <= _MOST_ROTATIONS else sizes[0]

    def rotated(self, by: int) -> tuple[Proxy, ...]:
        """All proxies, each group turned so far; each proxy once."""
        turned = (
            group[by % len(group) :] + group[: by % len(group)] for group in self.groups if group
        )
        return unique([*(proxy for group in turned for proxy in group), *self.backups])

    def with_backups(self, backups: Sequence[Proxy]) -> "Route":
        """The same with more to fall back to. Where DIRECT is allowed it never fails, and nothing behind it is ever tried."""
        return self if self.direct else replace(self, backups=self.backups + tuple(backups))


@dataclass(frozen=True, slots=True)
class Destination:
    """URLs that match any of the shell patterns go this way."""

    globs: tuple[str, ...]
    route: Route


def route_of(members: Iterable[Proxy | Special], *, balance: bool = False) -> Route:
    """The route that a list of proxies means: one after the other, or sharing the load. What comes after ``DIRECT`` is never tried."""
    proxies: list[Proxy] = []
    for member in members:
        if isinstance(member, Special):
            return replace(_listed(proxies, balance), direct=True)
        proxies.append(member)
    return _listed(proxies, balance)


def render_pac(
    default: Route,
    style: PacStyle,
    *,
    comment: str = "",
    destinations: Sequence[Destination] = (),
) -> str:
    """The script. ``destinations`` are looked at in order before the ``default``."""
    lines = [f"// {quoted(comment)[1:-1]}"] if comment else []
    lines.append("function FindProxyForURL(url, host) {")
    for one in destinations:
        if one.globs:
            tests = " || ".join(f"shExpMatch(url, {quoted(glob)})" for glob in one.globs)
            lines += [f"    if ({tests}) {{", *_returns(one.route, style, " " * 8), "    }"]
    lines += [*_returns(default, style, " " * 4), "}"]
    return "\n".join(lines) + "\n"


def render_answer(proxies: Sequence[Proxy], style: PacStyle, *, direct: bool) -> str:
    """What a script returns: ``PROXY …; PROXY …; DIRECT``, or ``NONE``."""
    words = [f"PROXY {proxy if style is PacStyle.WLCG else proxy.authority}" for proxy in proxies]
    if direct:
        words.append("DIRECT")
    return "; ".join(words) or "NONE"


def quoted(text: str) -> str:
    """A JavaScript string of this text, in ASCII and on one line (JSON strings are JavaScript strings: ECMA-262 section 12.9.4)."""
    # U+007F is the one control character that JSON leaves as it is
    return json.dumps(text).replace("\x7f", "\\u007f")


def _returns(route: Route, style: PacStyle, indent: str) -> Iterator[str]:
    count = route.rotations
    if count > 1:
        yield f"{indent}ran = Math.random();"
    for turn in range(count - 1, -1, -1):
        answer = quoted(render_answer(route.rotated(turn), style, direct=route.direct))
        # the order as given comes last, without a condition
        test = f"if (ran < {count - turn}/{count}) " if turn else ""
        yield f"{indent}{test}return {answer};"


def _listed(proxies: Sequence[Proxy], balance: bool) -> Route:
    each = unique(proxies)
    return Route((each,) if balance and each else tuple((proxy,) for proxy in each))
