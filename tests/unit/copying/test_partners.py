"""With whom copies are exchanged, and to whom we connect ourselves."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from ugrpy.copying.partners import Partners, Server, Way, server_of
from ugrpy.copying.settings import CopySettings, parse_header, parse_partner, parse_program

OWN = ("http://se.example.org:8080/base", "https://[2001:db8::1]/x")


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://A.example/f", Server("a.example", 80)),
        ("https://a.example/f?x=1", Server("a.example", 443)),
        ("https://[2001:DB8::1]:8443/", Server("2001:db8::1", 8443)),
    ],
)
def test_a_server_is_a_name_and_a_port(url, server):
    assert server_of(url) == server


def test_without_a_list_everybody_is_a_partner_and_nobody_is_vouched_for():
    partners = Partners(CopySettings(), OWN)
    assert partners.admits("https://anybody.example/f")
    assert not partners.vouches_for("https://anybody.example/f")
    assert partners.vouches_for("http://se.example.org:8080/other")


@pytest.mark.parametrize(
    ("url", "admitted"),
    [
        ("https://dav.site.example/f", True),
        ("https://a.b.site.example:1094/f", True),
        ("https://site.example/f", False),
        ("https://evilsite.example/f", False),
        ("https://dav.site.example.evil/f", False),
        ("https://one.other.example/f", True),
        ("https://two.one.other.example/f", False),
        ("http://se.example.org:8080/base/f", True),
        ("http://se.example.org/base/f", False),
        ("https://[2001:db8::1]/f", True),
    ],
)
def test_a_list_names_partners_besides_the_endpoints(url, admitted):
    partners = Partners(CopySettings(("*.site.example", "one.other.example")), OWN)
    assert partners.admits(url) is admitted
    assert partners.vouches_for(url) is admitted


def test_each_url_has_its_way():
    partners = Partners(CopySettings(), OWN)
    assert partners.way_to("http://se.example.org:8080/f") is Way.ENDPOINT
    assert partners.way_to("http://se.example.org/f") is Way.CLEAR
    assert partners.way_to("https://elsewhere.example/f") is Way.TLS
    assert repr(partners) == "<Partners any, 2 endpoints>"


def test_without_tls_only_the_networks_that_are_named():
    guards = Partners(CopySettings(partner_networks=(ip_network("10.1.0.0/16"),)), OWN).guards
    assert set(guards) == {Way.TLS, Way.CLEAR}
    assert guards[Way.CLEAR].may_connect("10.1.0.1", 80)
    assert not guards[Way.CLEAR].may_connect("142.104.1.1", 80)
    assert guards[Way.TLS].may_connect("142.104.1.1", 443)
    assert guards[Way.TLS].may_connect("10.1.0.1", 443)
    assert not guards[Way.TLS].may_connect("127.0.0.1", 443)


def test_without_tls_everywhere_when_the_operator_says_so():
    guard = Partners(CopySettings(allow_http=True), OWN).guards[Way.CLEAR]
    assert guard.may_connect("142.104.1.1", 80)
    assert not guard.may_connect("127.0.0.1", 80)
    assert not guard.may_connect("169.254.169.254", 80)


def test_how_partners_are_written():
    assert parse_partner("*.CERN.ch") == "*.cern.ch"
    assert parse_partner("2001:db8::1") == "2001:db8::1"
    for wrong in ("*", "*.", "https://a.example", "a.*.example", "a.example:443", ""):
        with pytest.raises(ValueError, match="expected a host"):
            parse_partner(wrong)


def test_how_headers_and_programs_are_written():
    assert parse_header("X-My_Header") == "X-My_Header"
    with pytest.raises(ValueError, match="name of a header"):
        parse_header("X: y")
    assert parse_program(Path("/opt/copy")) == Path("/opt/copy")
    with pytest.raises(ValueError, match="absolute path"):
        parse_program(Path("copy"))
