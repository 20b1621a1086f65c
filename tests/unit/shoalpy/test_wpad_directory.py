"""Which site a caller belongs to, and what it offers him."""

from ipaddress import ip_address, ip_network

import pytest

from shoalpy.pac import Route
from shoalpy.proxylist import Proxy, Special
from shoalpy.wpad.directory import (
    NO_ORGANISATION,
    NO_SQUID,
    Directory,
    NoOffer,
    Offer,
    folded,
    offer_of,
)
from shoalpy.wpad.sites import Entry, ShoalSquid, Site

A, B, C, F = (Proxy(f"{name}.example", 3128) for name in "abcf")
HERE = ip_address("192.0.2.100")
CLOUD = (ip_network("192.0.2.64/26"),)
ORGANISATIONS = {
    "192.0.2.7": "University of  A",
    "2001:db8::7": "UNI-A v6",
    "198.51.100.7": "Universit\u00e9 B",
    "198.51.100.8": "university of a",
    "198.51.100.9": "Universit\u00e9 B",
}


def organisation_of(address):
    return ORGANISATIONS.get(str(address))


def site(*entries, **more):
    addresses = (ip_address("192.0.2.7"), ip_address("2001:db8::7"))
    return Site("a.example", addresses, entries or (Entry({"default": (A,)}),), **more)


def squid(number, place="Victoria.CA"):
    address = ip_address(f"198.51.100.{number}")
    return ShoalSquid(f"vm{number}", address, Proxy(f"10.0.0.{number}", 3128), place)


def test_an_organisation_is_known_by_any_address_of_its_squid():
    directory = Directory([site(names=("SITE-A",))], organisation_of=organisation_of)
    offer = Offer(Route(((A,),)), {}, "For SITE-A")
    assert directory.find(HERE, ["UNIVERSITY OF A"]) == offer
    assert directory.find(ip_address("2001:db8::1"), ["uni-a V6"]) == offer
    assert directory.find(HERE, ["", "nobody", "University of A"]) == offer
    assert directory.find(HERE, ["nobody"]) == NoOffer(NO_SQUID)
    assert directory.find(HERE, []) == NoOffer(NO_ORGANISATION)
    assert directory.find(None, ["University of A"]) == NoOffer(NO_ORGANISATION)
    assert len(directory) == 2
    assert Directory().find(HERE, ["x"]) == NoOffer(NO_SQUID)


def test_self_registered_squids_count_where_none_is_registered_and_share_the_load():
    directory = Directory(
        [site()], [squid(7), squid(8), squid(9, "Victoria.CA")], organisation_of=organisation_of
    )
    assert directory.find(HERE, ["Universit\u00c9 B"]) == Offer(
        Route(((Proxy("10.0.0.7", 3128), Proxy("10.0.0.9", 3128)),)), {}, "For Victoria.CA"
    )
    assert directory.find(HERE, ["University of A"]) == Offer(Route(((A,),)), {})
    assert "3 organisations" in repr(directory)


@pytest.mark.parametrize(
    ("entries", "more", "found"),
    [
        # balanced, with both kinds of names
        (
            (Entry({"default": (A, B)}, balance=True),),
            {"names": ("SITE-A", "SITE-B"), "cms_names": ("T2_A", "T3_A")},
            Offer(Route(((A, B),)), {}, "For SITE-A, SITE-B; CMS: T2_A,T3_A"),
        ),
        # nothing behind the first default is looked at
        (
            (
                Entry({"frontier": (F,)}),
                Entry({"default": (A,), "frontier": (C,)}),
                Entry({"cvmfs": (C,)}),
            ),
            {"cms_names": ("T2_A",)},
            Offer(Route(((A,),)), {"frontier": Route(((F,),))}, "CMS: T2_A"),
        ),
        # the caller's range of addresses has names and proxies of its own
        (
            (Entry({"default": (C,)}, CLOUD, ("CLOUD-A",)), Entry({"default": (A,)})),
            {"names": ("SITE-A",), "cms_names": ("T2_A",)},
            Offer(Route(((C,),)), {}, "For CLOUD-A"),
        ),
        (
            (
                Entry({"default": (C,)}, (ip_network("192.0.2.0/26"),), ("CLOUD-A",)),
                Entry({"default": (A,)}),
            ),
            {"names": ("SITE-A",)},
            Offer(Route(((A,),)), {}, "For SITE-A"),
        ),
        (
            (Entry({"default": (A,)}),),
            {"disabled": "site asked for it"},
            NoOffer("site asked for it"),
        ),
        (
            (Entry({"default": (C,)}, CLOUD),),
            {"disabled": "site asked for it"},
            Offer(Route(((C,),)), {}),
        ),
        ((Entry({"default": ()}),), {}, NoOffer(NO_SQUID)),
        ((Entry({"default": (C,)}, (ip_network("2001:db8::/32"),)),), {}, NoOffer(NO_SQUID)),
        ((Entry({"default": (Special.DIRECT,)}),), {}, Offer(Route(direct=True), {})),
        ((Entry({"cvmfs": (C,)}),), {}, Offer(Route(), {"cvmfs": Route(((C,),))})),
    ],
)
def test_what_a_site_offers(entries, more, found):
    assert offer_of(site(*entries, **more), HERE) == found


def test_names_that_are_the_same():
    assert folded(" Universit\u00c9\t of B ") == "universit\u00e9 of b"
    assert folded(None) == ""
