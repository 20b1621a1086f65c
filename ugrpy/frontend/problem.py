"""How is trouble told in the body of an error? Programs get problem details (RFC 9457), browsers a page of the same look as the listing."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from ugrpy.core.urls import encode_path
from ugrpy.frontend.templates import PROBLEM, showable
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
