"""The longest prefix wins, in both families, and mapped addresses are IPv4."""

from ipaddress import ip_address, ip_network

import pytest

from ugrpy.locality.prefixes import PrefixTable, parse_address, unmapped, unmapped_network

TABLE = PrefixTable(
    (ip_network(net), name)
    for net, name in [
        ("0.0.0.0/0", "world"),
        ("10.0.0.0/8", "site"),
        ("10.1.0.0/16", "cluster"),
        ("10.1.2.3/32", "host"),
        ("2001:db8::/32", "site6"),
        ("2001:db8:1::/48", "cluster6"),
        ("::1/128", "self"),
        ("::ffff:192.0.2.0/120", "mapped"),
    ]
)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.1.2.3", "host"),
        ("10.1.2.4", "cluster"),
        ("10.2.0.0", "site"),
        ("11.0.0.0", "world"),
        ("255.255.255.255", "world"),
        ("2001:db8:1::5", "cluster6"),
        ("2001:db8:2::5", "site6"),
        ("2001:db9::", None),
        ("::1", "self"),
        ("::2", None),
        ("::ffff:10.1.2.3", "host"),
        ("192.0.2.7", "mapped"),
        ("::ffff:192.0.2.7", "mapped"),
    ],
)
def test_longest_prefix(address, name):
    assert TABLE.get(ip_address(address)) == name


def test_match_tells_the_network():
    assert TABLE.match(ip_address("10.9.9.9")) == (ip_network("10.0.0.0/8"), "site")
    assert TABLE.match(ip_address("2001:db9::")) is None


def test_all_matches_longest_first():
    assert [name for _, name in TABLE.matches(ip_address("10.1.2.3"))] == [
        "host",
        "cluster",
        "site",
        "world",
    ]


def test_the_default_route_of_ipv6_does_not_hold_ipv4():
    table = PrefixTable([(ip_network("::/0"), "six")])
    assert table.get(ip_address("::ffff:10.0.0.1")) is None
    assert table.get(ip_address("2001:db8::1")) == "six"


def test_the_first_value_of_a_network_is_kept():
    net = ip_network("10.0.0.0/8")
    table = PrefixTable([(net, 1), (net, 2)])
    assert len(table) == 1
    assert table.get(ip_address("10.0.0.1")) == 1


def test_the_empty_table_holds_nothing():
    table: PrefixTable[str] = PrefixTable()
    assert table.get(ip_address("10.0.0.1")) is None
    assert repr(table) == "<PrefixTable of 0 networks>"


def test_unmapped():
    assert unmapped(ip_address("::ffff:10.0.0.1")) == ip_address("10.0.0.1")
    assert unmapped(ip_address("10.0.0.1")) == ip_address("10.0.0.1")
    assert unmapped(ip_address("2001:db8::1")) == ip_address("2001:db8::1")


def test_unmapped_network():
    assert unmapped_network(ip_network("::ffff:10.0.0.0/104")) == ip_network("10.0.0.0/8")
    assert unmapped_network(ip_network("::ffff:0:0/96")) == ip_network("0.0.0.0/0")
    assert unmapped_network(ip_network("::/64")) == ip_network("::/64")


def test_parse_address():
    assert parse_address("::ffff:10.0.0.1") == ip_address("10.0.0.1")
    assert parse_address("fe80::1%eth0") == ip_address("fe80::1%eth0")
    assert parse_address("/run/ugrpy.sock") is None
    assert parse_address("localhost") is None


def test_a_scope_does_not_matter():
    table = PrefixTable([(ip_network("fe80::/10"), "link")])
    assert table.get(ip_address("fe80::1%eth0")) == "link"
