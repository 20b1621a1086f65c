"""Addresses in ``?ip=``: what they may be."""

from ipaddress import ip_address

import pytest

from shoalpy.web.callers import ip_in
from ugrpy.core.errors import BadRequest


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("ip=192.0.2.7", "192.0.2.7"),
        ("ip%3d192.0.2.7", "192.0.2.7"),
        ("a=b&ip=2001:db8::7", "2001:db8::7"),
        ("ip=::ffff:192.0.2.7", "192.0.2.7"),
    ],
)
def test_an_address(query, address):
    assert ip_in(query) == ip_address(address)


@pytest.mark.parametrize("query", ["", "a=b", "trip=192.0.2.7"])
def test_none(query):
    assert ip_in(query) is None


@pytest.mark.parametrize(
    "query",
    [
        *("ip=", "ip=here", "ip=192.0.2.7/24", "ip=192.0.2.7%20"),
        *("ip=fe80::1%25eth0", "ip=fe80::1%25x%0Aevil=1", "ip=fe80::1%2525x%250Aevil"),
    ],
)
@pytest.mark.row("S13")
def test_what_is_none_is_refused(query):
    with pytest.raises(BadRequest, match="bad ip address"):
        ip_in(query)
