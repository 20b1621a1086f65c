"""Which addresses may be connected to."""

from ipaddress import ip_address, ip_network

import pytest

from ugrpy.security.guard import AddressGuard

USUAL = AddressGuard()
PRIVATE = AddressGuard(allow_private=True)
NAMED = AddressGuard([ip_network("10.1.0.0/16"), ip_network("127.0.0.0/8")])
NAMED_ONLY = AddressGuard([ip_network("10.1.0.0/16")], named_only=True)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "is this machine itself"),
        ("::1", "is this machine itself"),
        ("::ffff:127.0.0.1", "is this machine itself"),
        ("::127.0.0.1", "is this machine itself"),
        ("64:ff9b::7f00:1", "is this machine itself"),
        ("2002:7f00:1::", "is this machine itself"),
        ("2001:0:7f00:1::f5fd:fffe", "is this machine itself"),
        ("169.254.1.1", "is a link-local address"),
        ("fe80::1", "is a link-local address"),
        ("169.254.169.254", "is the metadata service of a cloud"),
        ("::ffff:169.254.169.254", "is the metadata service of a cloud"),
        ("fd00:ec2::254", "is the metadata service of a cloud"),
        ("64:ff9b:1::1", "leads to an address that cannot be known"),
        ("0.0.0.0", "is not the address of one machine"),
        ("224.0.0.1", "is not the address of one machine"),
        ("240.0.0.1", "is not the address of one machine"),
    ],
)
def test_refused_even_where_private_addresses_are_allowed(address, why):
    for guard in (USUAL, PRIVATE):
        assert guard.refusal(ip_address(address)) == f"{ip_address(address)} {why}"
        assert not guard.may_connect(address, 443)


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "100.64.0.1", "fd12::1"])
def test_private_addresses_are_for_those_who_say_so(address):
    assert USUAL.refusal(ip_address(address)) == f"{address} is a private address"
    assert PRIVATE.refusal(ip_address(address)) == ""


def test_named_networks_are_allowed_whatever_they_are():
    assert NAMED.may_connect("127.0.0.1", 80)
    assert NAMED.may_connect("::ffff:10.1.2.3", 80)
    assert not NAMED.may_connect("10.2.0.1", 80)
    assert NAMED.may_connect("142.104.1.1", 80)
    # a tunnel has two ends, and both must be fine
    assert not NAMED.may_connect("2001:0:a9fe:a9fe::f5fd:fffe", 80)


def test_named_networks_may_be_all_there_is():
    assert NAMED_ONLY.may_connect("10.1.0.1", 80)
    assert NAMED_ONLY.refusal(ip_address("142.104.1.1")) == (
        "142.104.1.1 is in none of the networks that may be connected to"
    )


def test_a_name_and_an_address_of_an_interface_are_no_addresses():
    assert not USUAL.may_connect("cache.example.org", 80)
    assert not PRIVATE.may_connect("fe80::1%eth0", 80)


def test_it_shows_what_it_allows():
    assert repr(NAMED_ONLY) == (
        "<AddressGuard of <PrefixTable of 1 networks>, private False, named only True>"
    )
