"""PROPFIND bodies and Depth: what clients send is read, what is wrong is a 400 with its place."""

import resource

import pytest

from ugrpy.core.errors import BadRequest
from ugrpy.webdav.request import (
    MAX_BODY_BYTES,
    Depth,
    PropfindForm,
    PropfindRequest,
    parse_depth,
    parse_propfind,
)

DAVIX = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:propfind xmlns:D="DAV:" xmlns:L="LCGDM:"><D:prop>'
    b"<D:displayname/><D:getlastmodified/><D:creationdate/><D:getcontentlength/><D:quota-used-bytes/>"
    b"<D:resourcetype><D:collection/></D:resourcetype><L:mode/><D:owner/><D:group/></D:prop></D:propfind>"
)


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_no_body_asks_for_allprop(body):
    assert parse_propfind(body) == PropfindRequest(PropfindForm.ALLPROP, ())


def test_davix_asks_for_nine_properties_in_order():
    request = parse_propfind(DAVIX)
    assert request.form is PropfindForm.PROP
    assert request.names == (
        ("DAV:", "displayname"),
        ("DAV:", "getlastmodified"),
        ("DAV:", "creationdate"),
        ("DAV:", "getcontentlength"),
        ("DAV:", "quota-used-bytes"),
        ("DAV:", "resourcetype"),
        ("LCGDM:", "mode"),
        ("DAV:", "owner"),
        ("DAV:", "group"),
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'<propfind xmlns="DAV:"><allprop/></propfind>', PropfindRequest()),
        (
            b'<a:propfind xmlns:a="DAV:"><a:propname/></a:propfind>',
            PropfindRequest(PropfindForm.PROPNAME),
        ),
        (
            b'<propfind xmlns="DAV:"><allprop/><include><quota-used-bytes/><x xmlns="urn:x"/></include></propfind>',
            PropfindRequest(PropfindForm.ALLPROP, (("DAV:", "quota-used-bytes"), ("urn:x", "x"))),
        ),
        (b'<propfind xmlns="DAV:"><prop/></propfind>', PropfindRequest(PropfindForm.PROP)),
        (
            b'<propfind xmlns="DAV:"><prop><b xmlns=""/><b xmlns=""/></prop></propfind>',
            PropfindRequest(PropfindForm.PROP, (("", "b"),)),
        ),
        (
            b'<propfind xmlns="DAV:"><!-- c --><?pi x?><extra xmlns="urn:y"/><prop><!-- c --><owner/></prop></propfind>',
            PropfindRequest(PropfindForm.PROP, (("DAV:", "owner"),)),
        ),
        (
            b'\xef\xbb\xbf<propfind xmlns="DAV:"><propname/></propfind>',
            PropfindRequest(PropfindForm.PROPNAME),
        ),
        (
            '<?xml version="1.0" encoding="utf-16"?><propfind xmlns="DAV:"><propname/></propfind>'.encode(
                "utf-16"
            ),
            PropfindRequest(PropfindForm.PROPNAME),
        ),
    ],
)
def test_forms_are_read(body, expected):
    assert parse_propfind(body) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'<propfind xmlns="DAV:">\n<prop>', "not well-formed.*line 2, column 7"),
        (b"not xml", "not well-formed.*line 1"),
        (
            b'<D:propfind xmlns:D="DAV:"><D:prop><b:c xmlns:b=""/></D:prop></D:propfind>',
            "must not undeclare prefix, line 1",
        ),
        (
            b"<propfind><prop/></propfind>",
            r"line 1: expected the root element DAV: propfind, found \(no namespace\)",
        ),
        (b'\n<multistatus xmlns="DAV:"/>', "line 2: expected the root element"),
        (b'<propfind xmlns="DAV:"/>', "exactly one of prop, allprop and propname"),
        (b'<propfind xmlns="DAV:"><prop/><allprop/></propfind>', "exactly one"),
        (b'<propfind xmlns="DAV:"><prop/><prop/></propfind>', "exactly one"),
        (
            b'<!DOCTYPE propfind><propfind xmlns="DAV:"><prop/></propfind>',
            "document type declaration",
        ),
        (
            b'<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:"><prop>&a;</prop></propfind>',
            "document type declaration",
        ),
        (
            b'<propfind xmlns="DAV:"><prop>&a;</prop></propfind>',
            "not well-formed.*undefined entity, line 1",
        ),
        (b" " * (MAX_BODY_BYTES + 1), "longer than 65536 bytes"),
        (b'<propfind xmlns="DAV:">' + b"<a>" * 400, "line 1: over 256 elements deep"),
        (b'<propfind xmlns="DAV:"><prop><a:b/></prop></propfind>', "unbound prefix"),
        (
            b'<propfind xmlns="DAV:"><prop>\n<b xmlns="not a URI"/></prop></propfind>',
            "line 2: the namespace 'not a URI' is not a URI",
        ),
        (
            b'<?xml version="1.0" encoding="punycode"?><propfind xmlns="DAV:"/>',
            "body is in 'punycode'; WebDAV is UTF-8",
        ),
        (b'<?xml version="1.0" encoding="no-such"?><propfind xmlns="DAV:"/>', "is in 'no-such'"),
    ],
)
def test_wrong_bodies_are_refused_with_the_place(body, message):
    with pytest.raises(BadRequest, match=message):
        parse_propfind(body)


def test_names_that_clients_make_up_do_not_stay_in_the_memory():
    """lxml would keep them all, some 20 MB of these."""

    def body(number: int) -> bytes:
        names = "".join(f"<x{number:06d}{n:06d}/>" for n in range(3000))
        return f'<propfind xmlns="DAV:"><prop>{names}</prop></propfind>'.encode()

    assert len(parse_propfind(body(0)).names) == 3000
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(200):
        parse_propfind(body(number))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 8 * 1024


def test_a_billion_laughs_are_not_expanded():
    declared = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    laughs = f'<!DOCTYPE p [<!ENTITY l0 "lol">{declared}]><propfind xmlns="DAV:" a="&l9;"><prop>&l9;</prop></propfind>'
    with pytest.raises(BadRequest):
        parse_propfind(laughs.encode())


def test_a_body_of_exactly_the_limit_is_read():
    body = b'<propfind xmlns="DAV:"><propname/></propfind>'
    assert parse_propfind(body.ljust(MAX_BODY_BYTES)).form is PropfindForm.PROPNAME


@pytest.mark.parametrize(
    ("value", "depth"),
    [
        ("0", Depth.ZERO),
        ("1", Depth.ONE),
        (" 1 ", Depth.ONE),
        ("infinity", Depth.INFINITY),
        ("Infinity", Depth.INFINITY),
        (None, Depth.INFINITY),
    ],
)
def test_depths_are_read(value, depth):
    assert parse_depth(value) is depth


def test_a_missing_depth_is_the_callers_default():
    assert parse_depth(None, Depth.ZERO) is Depth.ZERO


@pytest.mark.parametrize("value", ["", "2", "-1", "1,noroot", "٠", "x" * 1000])
def test_other_depths_are_refused(value):
    with pytest.raises(BadRequest, match="Depth must be 0, 1 or infinity") as caught:
        parse_depth(value)
    assert len(str(caught.value)) < 100
