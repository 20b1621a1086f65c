"""Link headers: RFC 6249 duplicates and describedby."""

import pytest

from ugrpy.core.errors import DataError
from ugrpy.metalink.document import MetalinkReplica
from ugrpy.metalink.links import render_describedby, render_duplicate_links

REPLICAS = (
    MetalinkReplica("https://a.example/f%20g?x=1&y=~", 7, "CA"),
    MetalinkReplica("https://b.example/f,;'()", 8),
    MetalinkReplica("https://c.example/f", 9, "Germany"),
)


def test_duplicates_are_numbered_in_the_order_given():
    assert render_duplicate_links(REPLICAS, limit=0) == (
        "<https://a.example/f%20g?x=1&y=~>; rel=duplicate; pri=1; geo=ca, "
        "<https://b.example/f,;'()>; rel=duplicate; pri=2, "
        "<https://c.example/f>; rel=duplicate; pri=3"
    )


def test_the_limit_cuts_the_tail():
    assert render_duplicate_links(REPLICAS, limit=1).count("rel=duplicate") == 1
    assert render_duplicate_links(REPLICAS, limit=10).count("rel=duplicate") == 3
    assert render_duplicate_links((), limit=2) == ""


def test_describedby():
    assert render_describedby("/f%20g?metalink=4", "application/metalink4+xml") == (
        '</f%20g?metalink=4>; rel=describedby; type="application/metalink4+xml"'
    )


@pytest.mark.parametrize(
    "bad", ["", "/a b", "/a>b", "/a<b", '/a"b', "/a\r\nSet-Cookie: x", "/é", "/\x7f", "/\0"]
)
def test_what_would_break_the_header_is_refused(bad):
    with pytest.raises(DataError, match="not fit for a Link header"):
        render_duplicate_links([MetalinkReplica(bad)], limit=0)
    with pytest.raises(DataError):
        render_describedby(bad, "a/b")
    with pytest.raises(DataError):
        render_describedby("/a", bad)
