"""What statuses and redirects mean to every kind that speaks HTTP."""

import pytest

from ugrpy.core.errors import Malformed
from ugrpy.endpoints.base import Verb
from ugrpy.endpoints.over_http import HttpEndpoint, adds_slash, plain_verdict, redirect_target
from ugrpy.namespace.model import Absent, Denied, EndpointId
from ugrpy.transport.options import TransportOptions


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, None) for status in (200, 204, 207, 301, 302, 308)),
        *((status, Absent()) for status in (404, 410, 414)),
        (401, Denied(401, "HEAD answered 401")),
        (403, Denied(403, "HEAD answered 403")),
    ],
)
def test_statuses_that_settle_it(status, verdict):
    assert plain_verdict("HEAD", status) == verdict


@pytest.mark.parametrize("status", [400, 402, 405, 406, 409, 412, 421, 451])
def test_other_refusals_are_not_absence(status):
    with pytest.raises(Malformed, match=f"^HEAD: the endpoint answered {status}$"):
        plain_verdict("HEAD", status)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("http://b.example/y", "http://b.example/y"),
        ("https://b.example:8443/y?z=1#f", "https://b.example:8443/y?z=1#f"),
        ("/y/", "http://se.example:8080/y/"),
        ("y", "http://se.example:8080/a/y"),
        ("//b.example/y", "http://b.example/y"),
        ("http://[2001:db8::1]:80/y", "http://[2001:db8::1]:80/y"),
        ("/a%20b/%C3%BC/100%25", "http://se.example:8080/a%20b/%C3%BC/100%25"),
        ("/a b/\u00fc", "http://se.example:8080/a%20b/%C3%BC"),
        ("/\udcfc", "http://se.example:8080/%FC"),  # a byte that is not UTF-8
    ],
)
def test_where_a_redirect_leads(location, target):
    assert redirect_target("http://se.example:8080/a/x", {"Location": location}) == target


@pytest.mark.parametrize(
    "location",
    [
        "ftp://b.example/y",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://[::1/y",
        "http://b.example:port/y",
        "http://b.example:99999/y",
        "http://b.example:0/y",
    ],
)
def test_a_redirect_that_does_not_lead_to_http(location):
    with pytest.raises(Malformed, match=r"^redirect to what is not a URL for HTTP$") as caught:
        redirect_target("http://se.example/x", {"Location": location})
    assert caught.value.inside == f"redirect to {location!r}, which is not a URL for HTTP"


def test_a_redirect_without_a_location():
    with pytest.raises(Malformed, match=r"^redirect without Location$") as caught:
        redirect_target("http://se.example/x", {})
    assert caught.value.inside == "redirect without Location from http://se.example/x"


@pytest.mark.parametrize(
    ("url", "target", "adds"),
    [
        ("http://a/x", "http://a/x/", True),
        ("http://a/x", "https://proxied.example:8443/x/", True),
        ("http://a/x%20y", "http://a/x%20y/", True),
        ("http://a/%7ex", "http://a/~x/", True),
        ("http://a/%C3%BC", "http://a/%c3%bc/", True),
        ("http://a/x", "http://a/x", False),
        ("http://a/x", "http://a/y/", False),
        ("http://a/x", "http://a/x//", False),
        ("http://a/x", "http://a/login?next=/x/", False),
        ("http://a/x", "http://a/X/", False),
    ],
)
def test_redirects_that_only_tell_of_a_collection(url, target, adds):
    assert adds_slash(url, target) is adds


@pytest.mark.parametrize(
    ("base_url", "path", "url", "base_path"),
    [
        ("http://se.example", "/", "http://se.example/", ""),
        ("http://se.example/", "/a", "http://se.example/a", ""),
        ("http://se.example/dav/", "/", "http://se.example/dav/", "/dav"),
        ("http://se.example/d%20v", "/a b", "http://se.example/d%20v/a%20b", "/d v"),
        (
            "http://se.example/dav",
            "/100%/%41?#",
            "http://se.example/dav/100%25/%2541%3F%23",
            "/dav",
        ),
        ("http://se.example", "/caf\udce9", "http://se.example/caf%E9", ""),
    ],
)
async def test_urls(base_url, path, url, base_path):
    endpoint = HttpEndpoint(EndpointId("uvic"), base_url, TransportOptions())
    assert [endpoint.url(path, verb) for verb in Verb] == [url] * len(Verb)
    assert endpoint.base_path == base_path
    assert repr(endpoint) == f"HttpEndpoint(uvic, {base_url.rstrip('/')})"
    await endpoint.close()
