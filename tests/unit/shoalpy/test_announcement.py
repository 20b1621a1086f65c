"""What caches tell their own network, and what is believed of it."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoalpy.announcement import (
    Announcement,
    BadAnnouncement,
    parse_announcement,
    port_for,
    render_announcement,
)
from shoalpy.model import CacheType, Upstream

SQUID = Announcement(ip_address("192.0.2.7"), 3128)
SECRET = b"known at this site"
SIGNED = render_announcement(SQUID, secret=SECRET, now_s=1000.9)


def test_it_is_written_as_old_clients_read_it():
    assert render_announcement(SQUID) == b"fna349fn192.0.2.7:3128:squid:both"
    assert SIGNED.startswith(b"fna349fn192.0.2.7:3128:squid:both:1000:")
    assert SIGNED.count(b":") == 5


def test_old_agents_say_less():
    assert parse_announcement(b"fna349fn192.0.2.7:3128") == SQUID


@given(
    st.ip_addresses().filter(lambda one: not (one.is_multicast or one.is_unspecified)),
    st.integers(1, 65535),
    st.sampled_from(CacheType),
    st.sampled_from(Upstream),
    st.sampled_from([b"", SECRET]),
)
def test_what_is_written_is_read(address, port, kind, upstream, secret):
    mapped = getattr(address, "ipv4_mapped", None)
    said = Announcement(mapped or address, port, kind, upstream)
    packet = render_announcement(said, secret=secret, now_s=5000)
    assert parse_announcement(packet, secret=secret, now_s=5100) == said
    assert parse_announcement(packet) == said  # who has no secret takes all


@given(st.binary(max_size=80))
def test_any_other_bytes_are_refused(data):
    with pytest.raises(BadAnnouncement):
        parse_announcement(b"fna349fn" + data + b"!")


@pytest.mark.parametrize(
    "packet",
    [
        b"192.0.2.7:3128",
        b"fna349fn192.0.2.7",
        b"fna349fn192.0.2:3128",
        b"fna349fn192.0.2.7:0",
        b"fna349fn192.0.2.7:65536",
        b"fna349fn0.0.0.0:3128",
        b"fna349fn224.0.0.1:3128",
        b"fna349fnlocalhost:3128",
        b"fna349fn192.0.2.7:3128:squid",
        b"fna349fn192.0.2.7:3128:apache:both",
        b"fna349fn192.0.2.7:3128:squid:all",
        b"fna349fn192.0.2.7:3128\n",
        b"fna349fn192.0.2.7:3128" + b" " * 2000,
        "fna349fn192.0.2.7:٣١٢٨".encode(),
    ],
)
def test_what_names_no_cache_is_refused(packet):
    with pytest.raises(BadAnnouncement):
        parse_announcement(packet)


@pytest.mark.parametrize(
    ("packet", "now_s", "why"),
    [
        (render_announcement(SQUID), 1000.0, "not signed"),
        (render_announcement(SQUID, secret=b"other", now_s=1000.0), 1000.0, "another secret"),
        (SIGNED.replace(b"3128", b"3129"), 1000.0, "another secret"),
        (SIGNED.replace(b":1000:", b":2000:"), 2000.0, "another secret"),
        (SIGNED, 1121.0, "too long ago"),
        (SIGNED, 879.0, "too long ago"),
    ],
)
def test_with_a_secret_only_what_was_signed_lately_is_taken(packet, now_s, why):
    with pytest.raises(BadAnnouncement, match=why):
        parse_announcement(packet, secret=SECRET, now_s=now_s)


def test_the_port_is_that_of_old_agents():
    assert [port_for(CacheType.SQUID, one) for one in Upstream] == [50000] * 3
    assert port_for(CacheType.VARNISH, Upstream.CVMFS) == 50001
    assert port_for(CacheType.VARNISH, Upstream.FRONTIER) == 50002
    assert port_for(CacheType.VARNISH, Upstream.BOTH) == 50002
