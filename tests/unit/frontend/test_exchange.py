"""Where a request target leads: origin form, absolute form, and what is neither."""

import pytest

from tests.unit.frontend.world import a_request
from ugrpy.core.errors import BadRequest
from ugrpy.frontend.exchange import Exchange, split_target
from ugrpy.locality.tiers import Zone
from ugrpy.security.identity import Identity


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/", "/", ""),
        ("*", "/", ""),
        ("/a/b", "/a/b", ""),
        ("/a%3Fb?x=1&y", "/a%3Fb", "x=1&y"),
        ("/a?x?y", "/a", "x?y"),
        ("/a#frag", "/a", ""),
        ("/a?x#frag", "/a", "x#frag"),
        ("//a", "//a", ""),
        ("http://host:8080/a/b?x", "/a/b", "x"),
        ("HTTPS://host/a", "/a", ""),
        ("http://host", "/", ""),
        ("http://host/http://other/a", "/http://other/a", ""),
    ],
)
def test_forms_of_the_target(target, path, query):
    assert split_target(target) == (path, query)


@pytest.mark.parametrize("target", ["", "a/b", "ftp://host/a", "host:443", "://host/a"])
def test_what_is_neither(target):
    with pytest.raises(BadRequest, match="neither a path nor an http"):
        split_target(target)


async def test_an_exchange_starts_empty():
    request, _written = a_request("GET", "/a")
    zone = Zone.__new__(Zone)
    exchange = Exchange(request, (Identity(), zone, "-"))
    assert (exchange.external, exchange.path, exchange.query) == ("/", "/", "")
    assert (exchange.cache, exchange.endpoint, exchange.slash) == ("", "", False)
    assert exchange.show_endpoints
    assert (exchange.client, exchange.zone) == ("-", zone)
