"""How trouble is told: the body of an error, and the headers that say what went on behind an answer.

Programs get problem details (RFC 9457), browsers a page of the same look as the listing. ``Proxy-Status`` (RFC 9209),
``Cache-Status`` (RFC 9211) and ``Server-Timing`` (W3C) say in short what ``ugrpy explain`` says at length.
"""

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from ugrpy.core.urls import encode_path
from ugrpy.frontend.templates import PROBLEM, showable
from ugrpy.namespace.model import Cause
from ugrpy.service.weights import weights

PROBLEM_JSON = "application/problem+json"
PROBLEM_HTML = "text/html; charset=utf-8"

_NO_ONE: Mapping[str, str] = MappingProxyType({})
_NOTHING: Mapping[str, object] = MappingProxyType({})


def render_problem(
    status: int,
    title: str,
    detail: str,
    *,
    instance: str,
    hint: str = "",
    missing: Mapping[str, str] = _NO_ONE,
    facts: Mapping[str, object] = _NOTHING,
    show_endpoints: bool = False,
    wants_html: bool = False,
) -> tuple[str, bytes]:
    """The content type and body of an error.

    ``instance`` is the external path, decoded. ``missing`` maps endpoints that gave no answer to the reason and
    is told only with ``show_endpoints`` (K29); ``detail`` and ``hint`` are told to everybody. The extension
    members ``hint`` and ``missing`` are left out when empty; ``facts`` are more of them, for programs only.
    """
    told = (
        {showable(name): showable(why) for name, why in missing.items()} if show_endpoints else {}
    )
    components = [component for component in instance.split("/") if component]
    if wants_html:
        parent = "/".join(["", *components[:-1], ""])
        page = PROBLEM.render(
            status=status,
            title=title,
            detail=detail,
            hint=hint,
            missing=sorted(told.items()),
            parent=encode_path(parent) if components else "",
            parent_label=parent,
            path="/" + "/".join(components),
        )
        return PROBLEM_HTML, page.encode()
    # two slashes at the start would make the path a host (RFC 3986 section 3.3)
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": showable(detail),
        "instance": encode_path("/" + instance.lstrip("/")),
        **facts,
    }
    if hint:
        problem["hint"] = showable(hint)
    if told:
        problem["missing"] = told
    return PROBLEM_JSON, json.dumps(problem).encode()


_HTML_TYPES = {"text/html", "application/xhtml+xml"}
_JSON_TYPES = {PROBLEM_JSON, "application/json", "application/*"}


def prefers_html(accept: str | None) -> bool:
    """Whether an ``Accept`` value puts HTML first, as browsers do (RFC 9110 section 12.5.1).

    HTML has to be named with a weight above that of JSON, and at least that of ``*/*``: curl's lone ``*/*``
    and a missing header mean problem details. Unreadable parts do not count.
    """
    if accept is None or "html" not in accept.lower():
        return False
    wanted = weights(accept)
    html = max((wanted[name] for name in _HTML_TYPES if name in wanted), default=0.0)
    json_ = max((wanted[name] for name in _JSON_TYPES if name in wanted), default=0.0)
    return html > json_ and html >= wanted.get("*/*", 0.0)


def error_token(cause: Cause) -> str:
    """The proxy error type (RFC 9209 section 2.3) nearest to why an answer is unknown.

    The registry has no type for a next hop that answers 429 or 5xx. Busy is told as unavailable, which section
    2.3.4 defines by our judgement of the next hop; any other 5xx as a response that is of no use. The details say which.
    """
    match cause:
        case Cause.TIMEOUT:
            return "http_response_timeout"
        case Cause.UNREACHABLE | Cause.BUSY:
            return "destination_unavailable"
        case Cause.MALFORMED:
            return "http_protocol_error"
        case Cause.FAILED:
            return "http_response_incomplete"
        case _:
            assert_never(cause)


# RFC 8941 section 3.3.4 for tokens; RFC 9110 section 5.6.2 for the names Server-Timing takes
_SF_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_NOT_IN_TOKEN = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_NOT_PRINTABLE_ASCII = re.compile(r"[^ -~]")

# Clients commonly stop reading at 8 kB of headers; the body tells the rest.
_MAX_DETAIL_CHARS = 200


def proxy_status(problems: Sequence[tuple[str, str, str]]) -> str:
    """The value of ``Proxy-Status``: one member for each storage element in trouble.

    A problem is (name of the endpoint or "" when it is not to be told, error type, details or "").
    Raises ``ValueError`` for an error type that is no token.
    """
    return ", ".join([_problem_member(*problem) for problem in problems])


def _problem_member(name: str, token: str, details: str) -> str:
    if not _SF_TOKEN.fullmatch(token):
        raise ValueError(f"not a token of RFC 8941: {token!r}")
    next_hop = f"; next-hop={_sf_string(name)}" if name else ""
    said = f"; details={_sf_string(details)}" if details else ""
    return f"ugrpy; error={token}{next_hop}{said}"


def proxy_note(details: str) -> str:
    """A member of ``Proxy-Status`` that says something of the answer without anything having failed."""
    return f"ugrpy; details={_sf_string(details)}"


def cache_status(
    hit: bool, *, ttl_s: int | None = None, detail: str | None = None, fwd: str | None = None
) -> str:
    """The value of ``Cache-Status`` for the cache named ``ugrpy``.

    ``ttl_s`` is the freshness left, negative when stale. ``fwd`` says why storage was asked (RFC 9211 section 2.2:
    ``uri-miss``, ``stale``, ``request``, ...; ``miss`` when not given) and is only told without a hit, as section 2 demands.
    """
    value = "ugrpy; hit" if hit else f"ugrpy; fwd={fwd or 'miss'}"
    if ttl_s is not None:
        value += f"; ttl={ttl_s}"
    return f"{value}; detail={_sf_string(detail)}" if detail else value


def server_timing(parts: Sequence[tuple[str, float]]) -> str:
    """The value of ``Server-Timing`` for (name, seconds); durations are told in milliseconds."""
    return ", ".join(
        [f"{_NOT_IN_TOKEN.sub('_', name)};dur={seconds * 1000:.1f}" for name, seconds in parts]
    )


def _sf_string(text: str) -> str:
    """A string of RFC 8941 section 3.3.3: printable ASCII, anything else as a question mark, never too long."""
    printable = _NOT_PRINTABLE_ASCII.sub("?", text[:_MAX_DETAIL_CHARS])
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '"'
