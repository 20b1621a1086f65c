"""Who holds a resource, how old that is and who is missing: as properties, read back with lxml."""

from dataclasses import replace
from xml.etree.ElementTree import canonicalize

import pytest
from lxml import etree

from ugrpy.namespace.model import Kind
from ugrpy.webdav.properties import ALLPROP, Described
from ugrpy.webdav.provenance import AGE, HOLDERS, NAMESPACE, PARTS, Provenance, is_asked_for
from ugrpy.webdav.render import render_multistatus
from ugrpy.webdav.request import PropfindForm, PropfindRequest, parse_propfind

TOLD = Provenance(
    age_s=12,
    ages_s={"uvic": 12, "c&rn": 7, "half": 3},
    missing={"ral": "connection <refused>", "half": "2 of its names cannot be asked for"},
    asked=4,
)
NAMELESS = replace(TOLD, shown=False)
ITSELF = Described("/d", "d", Kind.COLLECTION, holders=("uvic", "c&rn"), told=TOLD, is_target=True)
CHILD = Described("/d/f", "f", Kind.FILE, 5, holders=("c&rn",), told=TOLD)
OURS = PropfindRequest(PropfindForm.PROP, (HOLDERS, AGE, PARTS))


def texts(item: Described, request: PropfindRequest = OURS) -> dict[str, dict[str, list[str]]]:
    """Status -> property -> the texts in it, each with the name of its element."""
    [response] = etree.fromstring(b"".join(render_multistatus([item], request)))
    found: dict[str, dict[str, list[str]]] = {}
    for propstat in response.iterchildren("{DAV:}propstat"):
        status = (propstat.findtext("{DAV:}status") or "").split()[1]
        [prop] = propstat.iterchildren("{DAV:}prop")
        found[status] = {
            etree.QName(one).localname: [
                f"{etree.QName(leaf).localname} {leaf.text or ''}".strip()
                for leaf in one.iter()
                if not len(leaf)
            ]
            for one in prop
        }
    return found


def test_the_resource_asked_for_says_all():
    assert texts(ITSELF) == {
        "200": {
            "holders": ["count 2", "endpoint uvic", "age 12", "endpoint c&rn", "age 7"],
            "age": ["age 12"],
            "parts": [
                "asked 4",
                "answered 2",
                "endpoint c&rn",
                "age 7",
                "endpoint uvic",
                "age 12",
                "endpoint half",
                "reason 2 of its names cannot be asked for",
                "endpoint ral",
                "reason connection <refused>",
            ],
        }
    }


def test_children_say_who_holds_them():
    assert texts(CHILD) == {
        "200": {"holders": ["count 1", "endpoint c&rn", "age 7"], "age": ["age 12"]},
        "404": {"parts": ["parts"]},
    }


def test_counts_alone_where_endpoints_are_not_named():
    assert texts(replace(ITSELF, told=NAMELESS)) == {
        "200": {
            "holders": ["count 2"],
            "age": ["age 12"],
            "parts": ["asked 4", "answered 2"],
        }
    }


def test_what_only_mounts_make_has_no_holder_and_what_no_endpoint_told_no_age():
    assert "holders" in texts(replace(ITSELF, holders=()))["404"]
    assert texts(replace(ITSELF, told=None)).keys() == {"404"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'<propfind xmlns="DAV:"><allprop/></propfind>',
        b'<propfind xmlns="DAV:"><prop><getcontentlength/><getetag/></prop></propfind>',
    ],
)
def test_who_does_not_ask_gets_not_a_byte_more(body):
    request = parse_propfind(body)
    without = replace(ITSELF, told=None, holders=(), is_target=False)
    assert list(render_multistatus([ITSELF], request)) == list(
        render_multistatus([without], request)
    )
    assert NAMESPACE.encode() not in b"".join(render_multistatus([ITSELF], request))


def test_names_are_told_and_may_be_included():
    names = texts(ITSELF, PropfindRequest(PropfindForm.PROPNAME))["200"]
    assert {"holders", "age", "parts"} <= names.keys()
    asked = parse_propfind(
        b'<propfind xmlns="DAV:"><allprop/><include><u:age xmlns:u="UGRPY:"/></include></propfind>'
    )
    assert texts(ITSELF, asked)["200"].keys() >= {"displayname", "age"}


@pytest.mark.parametrize(("names", "asked"), [(ALLPROP, False), ((*ALLPROP, AGE), True)])
def test_whether_it_is_asked_for(names, asked):
    assert is_asked_for(names) is asked


def test_the_sample_is_what_is_written():
    sample = """<U:holders xmlns:U="UGRPY:"><U:count>1</U:count><U:holder><U:endpoint>c&amp;rn</U:endpoint><U:age>7</U:age></U:holder></U:holders>"""
    written = b"".join(render_multistatus([CHILD], PropfindRequest(PropfindForm.PROP, (HOLDERS,))))
    assert canonicalize(sample) in canonicalize(written.decode())
