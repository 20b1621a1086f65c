"""The walk from the peer to the client, as a table, and its laws."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.security.forwarded import TrustedNetworks, client_address

NOBODY = TrustedNetworks()
PROXIES = TrustedNetworks(map(ip_network, ["127.0.0.0/8", "10.0.0.0/24", "2001:db8:1::/48"]))

addresses = st.ip_addresses().filter(
    lambda a: a not in PROXIES and not (a.version == 6 and a.ipv4_mapped)
)
hearsay = st.one_of(
    st.text(max_size=60),
    st.lists(st.ip_addresses().map(str), max_size=4).map(", ".join),
    st.lists(st.ip_addresses().map(lambda a: f'for="[{a}]:1"'), max_size=4).map(", ".join),
    st.sampled_from(['for="', '"', 'for="a\\', ",", ";for=1.2.3.4", "for=10.0.0.1, for="]),
)


@pytest.mark.parametrize(
    ("peer", "values", "expected"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),  # nobody trusts this peer
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the left is hearsay
        ("127.0.0.1", ["203.0.113.9, 198.51.100.1, 10.0.0.7"], "198.51.100.1"),  # two proxies
        ("127.0.0.1", ["203.0.113.9", "198.51.100.1", "10.0.0.7"], "198.51.100.1"),  # three lines
        ("127.0.0.1", ["10.0.0.3, 10.0.0.7"], "10.0.0.3"),  # all trusted: the furthest
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("127.0.0.1", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("127.0.0.1", ["[2001:db8::5]"], "2001:db8::5"),
        ("127.0.0.1", ["2001:db8::5"], "2001:db8::5"),
        ("127.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8:1::9", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1, unknown, 10.0.0.7"], "10.0.0.7"),
        ("127.0.0.1", ["fe80::1%eth0"], "127.0.0.1"),
        ("127.0.0.1", ["[198.51.100.1]"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.300"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1:port"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1,, \t,"], "198.51.100.1"),  # empty members do not count
        ("127.0.0.1", ["", " "], "127.0.0.1"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("not an address", ["198.51.100.1"], None),
        ("", ["198.51.100.1"], None),
        (None, ["198.51.100.1"], None),
    ],
)
def test_x_forwarded_for(peer, values, expected):
    found = client_address(peer, x_forwarded_for=values, trusted=PROXIES)
    assert found == (ip_address(expected) if expected else None)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["for=198.51.100.1"], "198.51.100.1"),
        (["For=198.51.100.1;proto=https;by=10.0.0.1"], "198.51.100.1"),
        (["proto=http; for=198.51.100.1 ;by=10.0.0.1"], "198.51.100.1"),
        (['for="198.51.100.1:4711"'], "198.51.100.1"),
        (['for="[2001:db8::5]:_hidden"'], "2001:db8::5"),
        (["for=203.0.113.9, for=198.51.100.1"], "198.51.100.1"),
        (["for=203.0.113.9", "for=198.51.100.1, for=10.0.0.7"], "198.51.100.1"),
        (['host="a, b;c", for=10.0.0.7'], "10.0.0.7"),
        (['for=198.51.100.1;host="a, b", for=10.0.0.7'], "198.51.100.1"),
        (['for="203.0.113.9, for=198.51.100.1'], "198.51.100.1"),  # the quote is the client's
        (["for=203.0.113.9, for=unknown"], "127.0.0.1"),
        (["for=203.0.113.9, for=_proxy7"], "127.0.0.1"),
        (["for=203.0.113.9, proto=https"], "127.0.0.1"),
        (["for=203.0.113.9;for=198.51.100.1"], "127.0.0.1"),  # a name twice: not an element
        (['by="x;for=203.0.113.9";proto=http'], "127.0.0.1"),
        ([",,"], "127.0.0.1"),
    ],
)
def test_forwarded(values, expected):
    assert client_address("127.0.0.1", forwarded=values, trusted=PROXIES) == ip_address(expected)


def test_both_headers_count_only_when_they_agree():
    def address(forwarded: str) -> object:
        return client_address(
            "127.0.0.1",
            x_forwarded_for=["198.51.100.1"],
            forwarded=[forwarded],
            trusted=PROXIES,
        )

    assert address("for=198.51.100.1") == ip_address("198.51.100.1")
    assert address("for=203.0.113.9") is None


def test_the_networks_show_themselves_and_mask_by_length():
    assert not NOBODY
    assert repr(PROXIES) == "TrustedNetworks(127.0.0.0/8, 10.0.0.0/24, 2001:db8:1::/48)"
    assert ip_address("10.0.0.255") in PROXIES
    assert ip_address("10.0.1.0") not in PROXIES
    assert ip_address("2001:db8:1:ffff::") in PROXIES
    assert ip_address("::a00:1") not in PROXIES  # the number of 10.0.0.1, in the other family
    assert ip_address("8.8.8.8") in TrustedNetworks([ip_network("0.0.0.0/0")])


@given(peer=addresses, said=st.lists(hearsay, max_size=3), more=st.lists(hearsay, max_size=3))
def test_an_untrusted_peer_never_chooses_its_address(peer, said, more):
    assert client_address(str(peer), x_forwarded_for=said, forwarded=more, trusted=PROXIES) == peer


@given(peer=st.ip_addresses(v=4), said=st.lists(hearsay, max_size=3))
def test_without_trusted_proxies_headers_mean_nothing(peer, said):
    assert client_address(str(peer), x_forwarded_for=said, forwarded=said, trusted=NOBODY) == peer


@given(client=addresses, said=hearsay)
def test_behind_a_proxy_the_client_cannot_choose_either(client, said):
    """The proxy appends what it sees to whatever the client sent."""
    values = [f"{said}, {client}"]
    assert client_address("127.0.0.1", x_forwarded_for=values, trusted=PROXIES) == client
    node = f'"[{client}]:81"' if client.version == 6 else str(client)
    values = [f"{said}, for={node};proto=https"]
    assert client_address("127.0.0.1", forwarded=values, trusted=PROXIES) == client


@given(values=st.lists(hearsay, max_size=4), more=st.lists(hearsay, max_size=4))
def test_nothing_breaks_the_walk(values, more):
    client_address("127.0.0.1", x_forwarded_for=values, forwarded=more, trusted=PROXIES)
