"""Connections of each client network: counted while they last, those of proxies not at all."""

from ipaddress import ip_network

from ugrpy.service.crowds import Crowds


def test_a_network_has_so_many_and_another_its_own():
    crowds = Crowds(2)
    asked = [("a", "192.0.2.1"), ("b", "192.0.2.200"), ("c", "192.0.2.3"), ("d", "198.51.100.1")]
    assert [crowds.admits(name, peer) for name, peer in asked] == [True, True, False, True]
    crowds.ended("c")  # which was turned away
    assert not crowds.admits("e", "192.0.2.4")
    crowds.ended("e")
    crowds.ended("a")
    assert crowds.admits("f", "192.0.2.5")


def test_addresses_of_both_kinds():
    crowds = Crowds(1)
    assert crowds.admits("a", "2001:db8:0:100::1")
    assert not crowds.admits("b", "2001:db8:0:1ff::1")
    assert crowds.admits("c", "2001:db8:0:200::1")
    assert crowds.admits("d", "fe80::1%eth0")
    assert crowds.admits("e", "::ffff:192.0.2.1")
    assert not crowds.admits("f", "192.0.2.2")


def test_proxies_and_unix_sockets_are_not_counted():
    crowds = Crowds(1, [ip_network("10.0.0.0/8")])
    for number in range(10):
        assert crowds.admits(number, "10.1.1.1")
        assert crowds.admits(-number, "")
    assert len(crowds) == 0
    crowds.ended(3)


def test_without_a_limit_nothing_is_counted():
    crowds = Crowds()
    assert all(crowds.admits(number, "192.0.2.1") for number in range(10))
    assert len(crowds) == 0


def test_only_networks_with_connections_are_kept():
    crowds = Crowds(5)
    for number in range(50_000):
        crowds.admits(number, f"10.{number // 256 % 256}.{number % 256}.1")
        crowds.ended(number - 10)
    assert len(crowds) == 10
