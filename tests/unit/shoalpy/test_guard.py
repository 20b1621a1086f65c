"""Where verification may connect to."""

from ipaddress import ip_address, ip_network

import pytest

from shoalpy.guard import Guard, PortRange, parse_port_range

PORTS = (PortRange(80, 80), PortRange(1024, 65535))
USUAL = Guard(ports=PORTS)
PRIVATE = Guard(allow_private=True, ports=PORTS)


@pytest.mark.row("S51")
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "is this machine itself"),
        ("127.9.9.9", "is this machine itself"),
        ("::1", "is this machine itself"),
        ("::ffff:127.0.0.1", "is this machine itself"),
        ("::127.0.0.1", "is this machine itself"),
        ("64:ff9b::7f00:1", "is this machine itself"),
        ("2002:7f00:1::", "is this machine itself"),
        ("169.254.1.1", "is a link-local address"),
        ("fe80::1", "is a link-local address"),
        ("169.254.169.254", "is the metadata service of a cloud"),
        ("::ffff:169.254.169.254", "is the metadata service of a cloud"),
        ("64:ff9b::a9fe:a9fe", "is the metadata service of a cloud"),
        ("100.100.100.200", "is the metadata service of a cloud"),
        ("fd00:ec2::254", "is the metadata service of a cloud"),
        ("64:ff9b:1::1", "leads to an address that cannot be known"),
        ("0.0.0.0", "is not the address of one machine"),
        ("::", "is not the address of one machine"),
        ("224.0.0.1", "is not the address of one machine"),
        ("ff02::1", "is not the address of one machine"),
        ("255.255.255.255", "is not the address of one machine"),
        ("240.0.0.1", "is not the address of one machine"),
    ],
)
def test_refused_even_where_private_addresses_are_allowed(address, why):
    for guard in (USUAL, PRIVATE):
        assert guard.refusal(ip_address(address), 3128) == f"{ip_address(address)} {why}"
        assert not guard.may_connect(address, 3128)


@pytest.mark.row("S51")
@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1"],
)
def test_private_addresses_when_they_are_allowed(address):
    assert USUAL.refusal(ip_address(address), 3128).endswith("is a private address")
    assert PRIVATE.refusal(ip_address(address), 3128) == ""
    assert not USUAL.may_connect(address, 3128)
    assert PRIVATE.may_connect(address, 3128)


@pytest.mark.parametrize(
    "address", ["142.104.1.1", "2001:1458::1", "::ffff:142.104.1.1", "64:ff9b::8e68:101"]
)
def test_public_addresses_are_asked(address):
    assert USUAL.refusal(ip_address(address), 3128) == ""


@pytest.mark.row("S51")
def test_networks_that_are_allowed_whatever_they_are():
    guard = Guard(networks=(ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16")), ports=PORTS)
    assert guard.refusal(ip_address("127.0.0.1"), 3128) == ""
    assert guard.refusal(ip_address("::ffff:10.1.0.1"), 3128) == ""
    assert guard.refusal(ip_address("10.2.0.1"), 3128) != ""
    assert guard.refusal(ip_address("169.254.169.254"), 3128) != ""
    # a tunnel has two ends, and both must be fine
    assert guard.refusal(ip_address("2001:0:7f00:1::f5fd:fffe"), 3128) != ""


@pytest.mark.row("S51")
@pytest.mark.parametrize(
    ("port", "fine"),
    [(22, False), (25, False), (80, True), (1023, False), (1024, True), (65535, True)],
)
def test_ports(port, fine):
    why = USUAL.refusal(ip_address("142.104.1.1"), port)
    assert why == ("" if fine else f"port {port} is not among those that may be asked")


def test_what_is_no_address_is_not_connected_to():
    assert not USUAL.may_connect("cache.example.org", 3128)
    assert not USUAL.may_connect("fe80::1%eth0", 3128)


@pytest.mark.parametrize(("text", "shown"), [("3128", "3128"), ("1024-65535", "1024-65535")])
def test_port_ranges_as_they_are_written(text, shown):
    found = parse_port_range(text)
    assert str(found) == shown
    assert parse_port_range(found) == found


@pytest.mark.parametrize("text", ["", "0", "65536", "80-", "-80", "90-80", "a", 80, "1-2-3", "٣"])
def test_what_is_no_port_range(text):
    with pytest.raises(ValueError, match="expected a port or a range"):
        parse_port_range(text)


def test_it_shows_what_it_allows():
    assert repr(PRIVATE) == (
        "<Guard by <AddressGuard of <PrefixTable of 0 networks>, private True, named only False>>"
    )
