"""Who gets a metalink: what clients really send, and the corners of Accept."""

import pytest

from ugrpy.metalink.negotiate import MetalinkVersion, metalink_accepted, metalink_wanted

V3, V4 = MetalinkVersion.V3, MetalinkVersion.V4
ARIA2 = "*/*,application/metalink4+xml,application/metalink+xml"
CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
ACCEPT4 = "application/metalink4+xml"
ACCEPT3 = "application/metalink+xml"


@pytest.mark.parametrize(
    ("accept", "wanted", "accepted"),
    [
        (None, None, False),
        ("", None, False),
        ("*/*", None, False),
        ("application/*", None, False),
        (CHROMIUM, None, False),
        (ARIA2, None, True),
        (ACCEPT4, V4, True),
        (ACCEPT3, V3, True),
        (ACCEPT4.upper(), V4, True),
        (f" {ACCEPT4} ; charset=utf-8 ; q=0.5 ", V4, True),
        (f"{ACCEPT3}, {ACCEPT4}", V4, True),
        (f"{ACCEPT3}, {ACCEPT4};q=0.9", V3, True),
        (f"{ACCEPT4};q=0", None, False),
        (f"{ACCEPT4};q=0.000", None, False),
        (f"{ACCEPT4};q=0, {ACCEPT3}", V3, True),
        (f"{ACCEPT4}, */*;q=0.9", V4, True),
        (f"{ACCEPT4};q=0.5, */*;q=0.5", None, True),
        (f"{ACCEPT4};q=0.5, */*;q=0.501", None, True),
        (f"{ACCEPT4};q=0.5, text/html;q=0", V4, True),
        (f"{ACCEPT4};q=0.5, application/*;q=0.6", None, True),
        (f"{ACCEPT4};q=0.1, {ACCEPT4};q=0.9, */*;q=0.5", V4, True),
        (f"{ACCEPT4};q=2", None, False),
        (f"{ACCEPT4};q=", None, False),
        (f"{ACCEPT4};q=nan", None, False),
        (f"text/html;q=1e9, {ACCEPT4};q=0.1", V4, True),
        (f'text/html;x="{ACCEPT4},";q=0.1', None, False),
        (f'text/html;x="\\",{ACCEPT4}', None, True),
        ("application/metalink4+xml-x", None, False),
        ("application/x-metalink", None, False),
        (",;,metalink,;;=", None, False),
    ],
)
def test_accept(accept, wanted, accepted):
    assert metalink_wanted(accept, "") is wanted
    assert metalink_accepted(accept) is accepted


@pytest.mark.parametrize(
    ("query", "accept", "wanted"),
    [
        ("metalink", None, V3),
        ("metalink", "*/*", V3),
        ("metalink", CHROMIUM, V3),
        ("metalink", ACCEPT4, V4),
        ("metalink", ARIA2, V4),
        ("metalink", ACCEPT3, V3),
        ("metalink", f"{ACCEPT4};q=0", V3),
        ("metalink", f"{ACCEPT4};q=0.1, {ACCEPT3}", V3),
        ("metalink=", None, V3),
        ("metalink=1", None, V3),
        ("metalink=4", None, V4),
        ("metalink=4", ACCEPT3, V4),
        ("metalink=3", ACCEPT4, V3),
        ("authz=x&metalink=4&y", None, V4),
        ("metalink=3&metalink=4", None, V3),
        ("x=metalink", None, None),
        ("nometalink=4", None, None),
        ("metalinks", ACCEPT4, V4),
        ("oss.asize=7", None, None),
    ],
)
def test_query(query, accept, wanted):
    assert metalink_wanted(accept, query) is wanted
