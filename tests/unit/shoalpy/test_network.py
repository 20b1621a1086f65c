"""Who is in whose network: each way to tell, alone and with the others."""

from ipaddress import ip_address, ip_network
from typing import ClassVar

import pytest

from shoalpy.geo import GeoSource, SiteNetworks
from shoalpy.model import Address
from shoalpy.nearest import NOBODY, Caller
from shoalpy.network import NOWHERE, Belonging, NetworkPolicy, Networks, belonging, meet
from shoalpy.registry import Registry
from tests.unit.shoalpy.tracked import GENEVA, NOW, add, beat
from ugrpy.locality import Place
from ugrpy.locality.facts import UNKNOWN_FACTS, GeoFacts

ALL = NetworkPolicy(by_soa=True)
CERN = GeoFacts(Place(GENEVA, asn=513), organisation="CERN")


@pytest.mark.row("S44")
@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (NOWHERE, NOWHERE, False),
        (Belonging(asn=513), Belonging(asn=513), True),
        (Belonging(asn=513), Belonging(asn=514), False),
        (Belonging(asn=513), NOWHERE, False),
        (Belonging(asn=0), Belonging(asn=0), True),
        (Belonging(organisation="cern"), Belonging(organisation="cern"), True),
        (Belonging(organisation="cern"), Belonging(organisation="desy"), False),
        (Belonging(mailbox="dns.cern.ch"), Belonging(mailbox="dns.cern.ch"), True),
        (Belonging(mailbox="dns.cern.ch"), Belonging(mailbox="dns.desy.de"), False),
        (Belonging(site="lab"), Belonging(site="lab"), True),
        (Belonging(site="lab"), Belonging(site="annex"), False),
        # one that agrees is enough
        (Belonging(None, 1, "cern", "a"), Belonging(None, 2, "cern", "b"), True),
        (Belonging(None, 1, "cern", "a"), Belonging(None, 2, "desy", "a"), True),
        (Belonging(None, 1, "cern", "a"), Belonging(None, 2, "desy", "b"), False),
        # the site map ends the question where it knows both
        (Belonging("lab", 513), Belonging("annex", 513), False),
        (Belonging("lab", 513), Belonging("lab", 514), True),
        (Belonging("lab", 513), Belonging(None, 513), True),
    ],
)
def test_two_meet(a, b, same):
    assert meet(a, b) is same
    assert meet(b, a) is same


@pytest.mark.parametrize(
    ("policy", "counts"),
    [
        (ALL, Belonging("lab", 513, "cern", "dns.cern.ch")),
        (NetworkPolicy(), Belonging("lab", 513, "cern", None)),
        (NetworkPolicy(by_asn=False), Belonging("lab", None, "cern", None)),
        (NetworkPolicy(by_organisation=False), Belonging("lab", 513, None, None)),
        (
            NetworkPolicy(by_asn=False, by_organisation=False, by_soa=True),
            Belonging("lab", None, None, "dns.cern.ch"),
        ),
        (NetworkPolicy(shared_asns=(513,)), Belonging("lab", None, None, None)),
        (NetworkPolicy(shared_asns=(514,)), Belonging("lab", 513, "cern", None)),
    ],
)
def test_only_what_is_switched_on_counts(policy, counts):
    assert belonging(CERN, "lab", "dns.cern.ch", policy) == counts


@pytest.mark.parametrize("name", ["CERN", " cern ", "Cern.", "cern"])
def test_spelling_does_not_count(name):
    facts = GeoFacts(organisation=name)
    assert belonging(facts, None, name, ALL) == Belonging(None, None, "cern", "cern")


@pytest.mark.parametrize("name", [None, "", " ", "."])
def test_an_empty_name_is_none(name):
    assert belonging(GeoFacts(organisation=name), "", name, ALL) == NOWHERE


def test_blanks_inside_a_name():
    assert meet(
        belonging(GeoFacts(organisation="Universit\u00e4t  Bonn"), None, None, ALL),
        belonging(GeoFacts(organisation="UNIVERSIT\u00c4T Bonn"), None, None, ALL),
    )


class TestNetworks:
    """Over addresses."""

    known: ClassVar = {
        "192.0.2.1": CERN,
        "192.0.2.9": CERN,
        "2001:db8:1::1": GeoFacts(Place(asn=513), organisation="European Organization"),
        "198.51.100.1": GeoFacts(Place(asn=680), organisation="DESY"),
        "198.51.100.2": GeoFacts(Place(asn=681), organisation="desy"),
    }
    sites = (
        SiteNetworks((ip_network("203.0.113.0/28"), ip_network("2001:db8:7::/48")), "lab"),
        SiteNetworks((ip_network("10.1.0.0/16"),), "lab"),
        SiteNetworks((ip_network("10.2.0.0/16"),), "annex"),
    )

    def make(self, policy: NetworkPolicy | None = None, **more) -> Networks:
        geo = GeoSource(networks=self.sites)

        def facts_of(address: Address) -> GeoFacts:
            return self.known.get(str(address), UNKNOWN_FACTS)

        return Networks(policy or NetworkPolicy(), facts_of=facts_of, site_of=geo.site_of, **more)

    @staticmethod
    def same(networks: Networks, caller: str, **cache) -> bool:
        registry = Registry()
        add(registry, beat("one", **cache))
        found = registry.get("one", NOW)
        assert found is not None
        return networks.same_network(networks.caller(ip_address(caller)), found)

    @pytest.mark.row("S44")
    @pytest.mark.parametrize(
        ("caller", "cache", "same"),
        [
            ("192.0.2.9", "192.0.2.1", True),
            # IPv4 and IPv6 of one site: by AS, or by the site map
            ("2001:db8:1::1", "192.0.2.1", True),
            ("2001:db8:7::5", "203.0.113.2", True),
            ("198.51.100.2", "198.51.100.1", True),
            ("198.51.100.2", "192.0.2.1", False),
            ("10.1.0.1", "203.0.113.2", True),
            ("10.2.0.1", "203.0.113.2", False),
            ("203.0.113.40", "203.0.113.41", False),
        ],
    )
    def test_by_what_is_known_of_addresses(self, caller, cache, same):
        networks = self.make()
        assert self.same(networks, caller, public=cache) is same
        assert self.same(networks, cache, public=caller) is same

    def test_a_private_address_counts_only_where_there_is_no_other(self):
        networks = self.make()
        assert self.same(networks, "10.1.0.1", public=None, private="10.1.7.7")
        assert not self.same(networks, "10.1.0.1", public="192.0.2.1", private="10.1.7.7")

    def test_a_caller_without_an_address_is_in_nobodys_network(self):
        networks = self.make()
        registry = Registry()
        add(registry, beat("one"))
        found = registry.get("one", NOW)
        assert found is not None
        assert not networks.same_network(NOBODY, found)
        assert not networks.same_network(Caller(network="something else"), found)

    def test_callers_of_one_place_and_network_are_equal(self):
        networks = self.make()
        one = networks.caller(ip_address("192.0.2.1"))
        assert one == networks.caller(ip_address("192.0.2.9"))
        assert one.place.position == GENEVA
        assert hash(one) == hash(networks.caller(ip_address("192.0.2.9")))

    @pytest.mark.row("S44")
    def test_by_the_reverse_zone_once_it_is_known(self):
        zones: dict[str, str] = {}
        networks = self.make(
            NetworkPolicy(by_soa=True), mailbox_of=lambda address: zones.get(str(address))
        )
        assert not self.same(networks, "203.0.113.40", public="203.0.113.41")
        zones |= {"203.0.113.40": "dns.example.org", "203.0.113.41": "DNS.example.org."}
        assert self.same(networks, "203.0.113.40", public="203.0.113.41")

    def test_reverse_zones_are_not_asked_unless_switched_on(self):
        asked: list[object] = []
        networks = self.make(NetworkPolicy(), mailbox_of=asked.append)
        networks.of(ip_address("203.0.113.40"))
        assert asked == []

    def test_it_forgets(self, monkeypatch):
        networks = self.make()
        address = ip_address("203.0.113.40")
        assert networks.of(address) == NOWHERE
        monkeypatch.setitem(self.known, "203.0.113.40", CERN)
        assert networks.of(address) == NOWHERE
        networks.forget()
        assert networks.of(address) == Belonging(asn=513, organisation="cern")
