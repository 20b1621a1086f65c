"""How are the standard headers written that say what went on behind an answer?

``Proxy-Status`` (RFC 9209), ``Cache-Status`` (RFC 9211) and ``Server-Timing`` (W3C) say in short what ``ugrpy explain`` says at
length. The first two are lists of structured fields (RFC 9651). Whatever a storage element or an operator had a part in is a string
there, so that it cannot break out of its place, and none of it is ever long: clients commonly stop reading at 8 kB of headers.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ugrpy.core.trouble import Reason, Trouble, reason_from

# RFC 9110 section 5.6.2, which is what Server-Timing takes for a name
_NOT_IN_TOKEN = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_NOT_PRINTABLE_ASCII = re.compile(r"[^ -~]")

_MAX_DETAIL_CHARS = 200
# Members of one header; the body tells of the others.
_MAX_MEMBERS = 16


def proxy_status(missing: Mapping[str, str]) -> str:
    """The value of ``Proxy-Status``: one member for each endpoint whose part is missing, by name."""
    reasons = sorted(missing.items())
    members = [_missing_member(name, reason_from(why)) for name, why in reasons[:_MAX_MEMBERS]]
    if (more := len(reasons) - len(members)) > 0:
        members.append(proxy_note(f"and {more} more"))
    return ", ".join(members)


def proxy_status_of_all(missing: Mapping[str, str], asked: int = 0) -> str:
    """The same for those who may not be told names: one member, with the trouble if all have the same one.

    ``asked`` is how many endpoints might have contributed, 0 when that is not known.
    """
    troubles = {reason_from(why).trouble for why in missing.values()}
    shared = troubles.pop() if len(troubles) == 1 else Trouble.DESTINATION_UNAVAILABLE
    return proxy_error(shared, how_many(len(missing), asked))


def how_many(missing: int, asked: int = 0) -> str:
    """How many endpoints contributed, or did not, in a few words."""
    if asked >= missing and asked:
        return f"{asked - missing} of {counted(asked, 'storage element')} answered"
    return f"{counted(missing, 'storage element')} did not answer"


def counted(count: int, noun: str) -> str:
    """A number of things."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def proxy_error(trouble: Trouble | None, details: str) -> str:
    """One member for what is no single endpoint's."""
    error = f"; error={trouble}" if trouble else ""
    return f"ugrpy{error}; details={_string(details)}"


def proxy_note(details: str) -> str:
    """A member that says something of the answer without anything having failed."""
    return proxy_error(None, details)


def _missing_member(name: str, why: Reason) -> str:
    error = f"; error={why.trouble}" if why.trouble else ""
    status = f"; received-status={why.status}" if why.status else ""
    details = f"; details={_string(why)}" if why else ""
    return f"ugrpy{error}; next-hop={_string(name)}{status}{details}"


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What the cache had to do with an answer.

    ``hit``, or why storage was asked: ``fwd`` is a word of RFC 9211 section 2.2. ``ttl_s`` is the freshness left, negative when stale.
    ``stored`` and ``collapsed`` (others asked the same at that moment) are told without a hit only. ``detail`` is a token.
    """

    hit: bool
    fwd: str = "miss"
    ttl_s: int | None = None
    stored: bool = False
    collapsed: bool = False
    detail: str = ""


def cache_status(use: CacheUse) -> str:
    """The value of ``Cache-Status`` for the cache named ``ugrpy``. No key is ever told."""
    value = "ugrpy; hit" if use.hit else f"ugrpy; fwd={use.fwd}"
    if not use.hit and use.stored:
        value += "; stored"
    if not use.hit and use.collapsed:
        value += "; collapsed"
    if use.ttl_s is not None:
        value += f"; ttl={use.ttl_s}"
    return f"{value}; detail={use.detail}" if use.detail else value


@dataclass(frozen=True, slots=True)
class Took:
    """One entry of ``Server-Timing``; without ``dur_s`` it only says ``desc``."""

    name: str
    dur_s: float | None = None
    desc: str = ""


def server_timing(entries: Sequence[Took]) -> str:
    """The value of ``Server-Timing``; durations are told in milliseconds."""
    return ", ".join([_timed(one) for one in entries])


def _timed(took: Took) -> str:
    dur = "" if took.dur_s is None else f";dur={took.dur_s * 1000:.1f}"
    desc = f";desc={_string(took.desc)}" if took.desc else ""
    return f"{_NOT_IN_TOKEN.sub('_', took.name)}{dur}{desc}"


def _string(text: str) -> str:
    """A string of RFC 9651 section 3.3.3: printable ASCII, anything else as a question mark, never too long."""
    printable = _NOT_PRINTABLE_ASCII.sub("?", text[:_MAX_DETAIL_CHARS])
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'
