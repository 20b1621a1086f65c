"""Laws of what clients are told of changes: lxml reads back what went in, and conditions never permit what they exclude."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.properties.test_codecs import PATHS
from ugrpy.core.errors import BadRequest
from ugrpy.webdav.proppatch import is_live, parse_proppatch, render_refused
from ugrpy.webdav.validators import permits_change

NAMES = st.tuples(
    st.sampled_from(["DAV:", "LCGDM:", "urn:x", "http://h/a?b&c", ""]),
    st.sampled_from(["a", "mode", "getetag", "_x.y-z", "é"]),
)
TAGS = st.sampled_from(["*", '"a"', 'W/"a"', '"b"', '"b", W/"a"', "", "a", '"'])


def written(name: tuple[str, str]) -> str:
    return f"<{name[1]} xmlns='{name[0].replace('&', '&amp;')}'/>"


def name_of(prop: etree._Element) -> tuple[str, str]:
    name = etree.QName(prop)
    return name.namespace or "", name.localname


@given(PATHS, st.lists(NAMES, min_size=1, unique=True), st.booleans())
def test_a_proppatch_is_refused_for_exactly_what_it_names(path, names, collection):
    inner = "".join(map(written, names))
    body = f"<D:propertyupdate xmlns:D='DAV:'><D:set><D:prop>{inner}</D:prop></D:set></D:propertyupdate>"
    assert parse_proppatch(body.encode()) == tuple(names)
    root = etree.fromstring(render_refused(path, names, collection=collection))
    refused = {
        name_of(prop): stat.find("{DAV:}error")
        for stat in root.iter("{DAV:}propstat")
        for prop in stat[0]
    }
    assert refused.keys() == set(names)
    assert all((error is not None) == is_live(name) for name, error in refused.items())


@given(st.none() | TAGS, st.none() | TAGS, st.sampled_from([None, '"a"', 'W/"a"']))
def test_no_condition_permits_what_it_excludes(if_match, if_none_match, etag):
    permitted = permits_change(if_match, if_none_match, etag)
    if if_none_match == "*" and etag is not None:
        assert not permitted
    if if_match and etag is None:
        assert not permitted
    if not if_match and not if_none_match:
        assert permitted
    # a condition more never permits more
    assert not permitted or permits_change(if_match, None, etag)
    assert not permitted or permits_change(None, if_none_match, etag)


@given(st.binary() | st.text(st.sampled_from('<>/ "=DAV:xmlnspropertyupdateset\n')).map(str.encode))
def test_no_body_raises_anything_but_a_refusal(body):
    with contextlib.suppress(BadRequest):
        parse_proppatch(body)
