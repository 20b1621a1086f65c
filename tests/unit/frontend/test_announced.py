"""What a client says beforehand: lengths, checksums, conditions."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from ugrpy.core.errors import BadRequest, Forbidden, PreconditionFailed
from ugrpy.frontend.announced import (
    announced_digests,
    announced_length,
    conditions,
    refuse_fragment,
)
from ugrpy.frontend.exchange import Exchange
from ugrpy.frontend.relocating import is_here
from ugrpy.frontend.rights import demanding
from ugrpy.locality import Place as WhereOnEarth
from ugrpy.locality import Ranker, RankPolicy
from ugrpy.namespace.merge import Merged
from ugrpy.namespace.model import Digest, EndpointId, Entry, Kind
from ugrpy.security.authz import AllowReading, Operation
from ugrpy.security.identity import ANONYMOUS
from ugrpy.webdav.copying import parse_place
from ugrpy.webdav.validators import weak_etag

MD5 = Digest("md5", "900150983cd24fb0d6963f7d28e17f72")
MD5_BASE64 = "kAFQmDzST7DWlj99KOF/cg=="
ENTRY = Entry("f", Kind.FILE, 7, 100)
THERE = Merged(ENTRY, (EndpointId("cern"),))
ZONE = Ranker([], (), RankPolicy(), lambda _address: WhereOnEarth()).zone_of(None)


def exchange(target: str = "/f", *headers: tuple[str, str]) -> Exchange:
    request = make_mocked_request("PUT", target, headers=CIMultiDict(headers))
    made = Exchange(request, (ANONYMOUS, ZONE, "-"))
    made.external, _, made.query = target.partition("?")
    return made


@pytest.mark.parametrize(
    ("target", "headers", "length"),
    [
        ("/f", [("Content-Length", "7")], 7),
        ("/f?oss.asize=9", [("Content-Length", "7")], 7),
        ("/f", [("X-Expected-Entity-Length", "8")], 8),
        ("/f?oss.asize=9", [], 9),
        ("/f?a=b&oss.asize=9&c", [], 9),
        ("/f?oss.asize=9", [("X-Expected-Entity-Length", "8")], 8),
        ("/f", [], None),
        ("/f?oss.asize=-1", [], None),
        ("/f?oss.asize=%C2%B2", [], None),
        ("/f?oss.asize=", [], None),
        ("/f?oss.asize=1234567890123456789", [], None),
        ("/f", [("X-Expected-Entity-Length", "1e9")], None),
    ],
)
def test_the_length_is_what_the_client_says_in_whichever_way(target, headers, length):
    assert announced_length(exchange(target, *headers)) == length


@pytest.mark.parametrize(
    ("headers", "digests"),
    [
        ([], ()),
        ([("Digest", f"md5={MD5_BASE64}")], (MD5,)),
        ([("Content-MD5", f" {MD5_BASE64} ")], (MD5,)),
        ([("Repr-Digest", f"md5=:{MD5_BASE64}:")], (MD5,)),
        ([("OC-Checksum", "ADLER32=03da0195")], (Digest("adler32", "03da0195"),)),
        (
            [("Digest", "adler32=03da0195"), ("Content-MD5", MD5_BASE64)],
            (Digest("adler32", "03da0195"), MD5),
        ),
        ([("Digest", "md5=nonsense"), ("Content-MD5", "")], ()),
    ],
)
def test_checksums_are_read_from_every_header_that_tells_them(headers, digests):
    assert announced_digests(exchange("/f", *headers)) == digests


@pytest.mark.parametrize(
    ("headers", "new", "there"),
    [
        ([], True, True),
        ([("If-None-Match", "*")], True, False),
        ([("If-Match", "*")], False, True),
        ([("If-Match", weak_etag(ENTRY))], False, True),
        ([("If-Match", '"other"')], False, False),
        ([("If-None-Match", '"other"')], True, True),
        ([("If-None-Match", weak_etag(ENTRY))], True, False),
        # of a header sent twice both parts count
        ([("If-None-Match", '"other"'), ("If-None-Match", weak_etag(ENTRY))], True, False),
        ([("If-Match", '"other"'), ("If-Match", weak_etag(ENTRY))], False, True),
        ([("If-None-Match", '"other"'), ("If-None-Match", "*")], False, False),
    ],
)
def test_conditions_are_for_the_state_that_is_there(headers, new, there):
    permit = conditions(exchange("/f", *headers))
    for state, permitted in ((None, new), (THERE, there)):
        if permitted:
            permit(state)
        else:
            with pytest.raises(PreconditionFailed, match="/f does not meet"):
                permit(state)


def test_a_fragment_is_refused():
    refuse_fragment(exchange("/f%23a?b"))
    with pytest.raises(BadRequest, match="fragment"):
        refuse_fragment(exchange("/f#a"))


@pytest.mark.parametrize(
    ("host", "place", "here"),
    [
        ("fed.example", "http://fed.example/f", True),
        ("fed.example", "https://fed.example/f", True),
        ("fed.example:443", "https://fed.example/f", True),
        ("fed.example", "https://fed.example:443/f", True),
        ("fed.example:443", "http://fed.example/f", False),
        ("fed.example:8443", "davs://fed.example:8443/f", True),
        ("fed.example:8443", "https://fed.example/f", False),
        ("FED.Example", "http://fed.EXAMPLE/f", True),
        ("fed.example:", "http://fed.example/f", True),
        ("fed.example", "http://other.example/f", False),
        ("[::1]:8080", "http://[::1]:8080/f", True),
        ("[::1]", "http://[::1]/f", True),
        ("[2001:DB8::1]", "http://[2001:db8::1]/f", True),
        ("[::1]", "http://[::2]/f", False),
        ("::1", "http://[::1]/f", False),
        ("fed.example:²", "http://fed.example/f", False),
        ("fed.example:999999", "http://fed.example/f", False),
        ("", "http://fed.example/f", False),
        (None, "http://fed.example/f", False),
    ],
)
def test_a_place_is_here_when_it_is_called_as_we_are(host, place, here):
    headers = [] if host is None else [("Host", host)]
    assert is_here(exchange("/f", *headers), parse_place(place, "Destination")) is here


def test_rights_are_asked_for_every_name():
    demand = demanding(AllowReading(["/closed"]))
    demand(exchange(), Operation.READ, "/open")
    with pytest.raises(Forbidden, match=r"/f: the operator has closed this path \(rule closed /cl"):
        demand(exchange(), Operation.READ, "/closed/x")
    with pytest.raises(Forbidden, match="read-only"):
        demand(exchange(), Operation.WRITE, "/open")
