"""Everything we write is read back by others as what went in, whatever names storage has and whatever it says.

The readers are not ours: lxml, html.parser, json, email, and for headers the grammar of the RFC written out here.
"""

import asyncio
import json
import re
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit
from xml.sax.saxutils import quoteattr

from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.properties.test_codecs import DESCRIBED, PATHS
from ugrpy.core.errors import BadRequest
from ugrpy.core.trouble import Reason, Trouble
from ugrpy.core.urls import decode_path, encode_path, join_url
from ugrpy.frontend.answers import attachment
from ugrpy.frontend.fields import Took, proxy_status, server_timing
from ugrpy.frontend.page import ListingView, Row, render_listing
from ugrpy.frontend.problem import render_problem
from ugrpy.frontend.templates import showable
from ugrpy.metalink.document import MetalinkReplica
from ugrpy.metalink.links import render_describedby, render_duplicate_links
from ugrpy.namespace.model import Kind
from ugrpy.service.access import Access, AccessLog
from ugrpy.testing import FakeClock
from ugrpy.webdav.properties import KNOWN, replace_illegal
from ugrpy.webdav.render import render_multistatus
from ugrpy.webdav.request import PropfindForm, PropfindRequest, parse_propfind

# Any text a program can hold, lone surrogates and controls included.
ANY_TEXT = st.text(st.characters(codec="utf-8")) | st.text(
    st.sampled_from("\0\t\r\n\x1b\x7f\x80\x85\x9b\u2028\ufffe\udcff\ud800 <>&\"'\\%;,=é中😀")
)


def name_bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


# -- WebDAV ----------------------------------------------------------------------------------------

ODD_NAMESPACES = st.text(st.characters(codec="utf-8", min_codepoint=0x20), min_size=1) | st.text(
    st.sampled_from("aZ0:/?#[]@!$&'()*+,;=%-._~ <>\"\\^`{|}é"), min_size=1
)
NAMESPACES = st.sampled_from(["", "urn:x", "http://apache.org/dav/props/", "DAV:x", "a/b"])
LOCAL_NAMES = st.from_regex(r"[A-Za-z_é中][A-Za-z0-9._é中-]{0,8}", fullmatch=True)
ASKED = st.lists(
    st.sampled_from(sorted(KNOWN)) | st.tuples(NAMESPACES | ODD_NAMESPACES, LOCAL_NAMES),
    max_size=8,
    unique=True,
)


def question(names: list[tuple[str, str]]) -> bytes:
    """A PROPFIND body for these properties."""
    asked = "".join(
        f"<{local} xmlns={quoteattr(replace_illegal(namespace))}/>" for namespace, local in names
    )
    return f'<D:propfind xmlns:D="DAV:"><D:prop>{asked}</D:prop></D:propfind>'.encode()


@given(st.lists(st.tuples(NAMESPACES, LOCAL_NAMES), max_size=8, unique=True))
def test_a_question_is_read_as_it_was_put(names):
    assert parse_propfind(question(names)) == PropfindRequest(PropfindForm.PROP, tuple(names))


@given(st.lists(DESCRIBED, max_size=4), ASKED)
def test_a_multistatus_answers_every_property_that_was_asked_for_once(items, names):
    """The properties are those of a question that was accepted, so the answer can be read by everybody."""
    try:
        asked = parse_propfind(question(names))
    except BadRequest:  # of a namespace that is no URI, mostly
        asked = PropfindRequest(PropfindForm.PROP, tuple(n for n in names if n in KNOWN))
    body = b"".join(render_multistatus(items, asked))
    responses = list(etree.fromstring(body))
    assert len(responses) == len(items)
    for item, response in zip(items, responses, strict=True):
        (href,) = response.findall("{DAV:}href")
        slash = "/" if item.kind is Kind.COLLECTION else ""
        assert href.text is not None
        assert href.text.isascii()
        assert decode_path(href.text) == item.href + slash
        told = [
            (etree.QName(prop).namespace or "", etree.QName(prop).localname)
            for prop in response.iterfind("{DAV:}propstat/{DAV:}prop/*")
        ]
        assert sorted(told) == sorted(asked.names)
        shown = response.find("{DAV:}propstat/{DAV:}prop/{DAV:}displayname")
        if shown is not None:
            assert (shown.text or "") == replace_illegal(item.name)


# -- pages -----------------------------------------------------------------------------------------


class Table(HTMLParser):
    """The rows of a page: href and text of each child's link, and the title of its size cell."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[str, str, str]] = []
        self.tags: set[str] = set()
        self._size = ""
        self._href: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.add(tag)
        if tag == "td" and "title" in told:
            self._size = told["title"] or ""
        elif tag == "tr":
            self._size = ""
        elif tag == "a" and "?" not in (told.get("href") or "?") and "rel" not in told:
            self._href, self._text = told["href"], ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href is not None:
            self.rows.append((self._href, self._text, self._size))
            self._href = None


NAMES = PATHS.map(lambda path: path.rpartition("/")[2])
ROWS = st.lists(
    st.builds(
        Row,
        name=NAMES,
        kind=st.sampled_from(Kind),
        size_bytes=st.none() | st.integers(0, 10**18),
        mtime_s=st.none() | st.integers(-(10**12), 10**12),
        replicas=st.integers(0, 9),
        conflict=ANY_TEXT,
    ),
    max_size=5,
    unique_by=lambda row: name_bytes(row.name),
)


@given(PATHS, ROWS)
def test_a_page_links_every_name_that_can_be_asked_for_with_its_size(path, rows):
    page = b"".join(render_listing(ListingView(path, rows))).decode()
    reader = Table()
    reader.feed(page.partition("<tbody>")[2])
    reader.close()
    assert not reader.tags & {"script", "img", "b", "iframe"}
    rows = [row for row in rows if not re.search("[\\x00-\\x1f\\x7f]", row.name)]
    assert len(reader.rows) == len(rows)
    for row, (href, text, size) in zip(rows, reader.rows, strict=True):
        slash = "/" if row.kind is Kind.COLLECTION else ""
        # an absolute path: a browser only puts the gateway's name before it
        assert re.match("/(?!/)", href)
        target = urlsplit("http://gateway.example" + href)
        assert target.netloc == "gateway.example"
        assert not target.query
        assert not target.fragment
        assert unquote_to_bytes(target.path) == name_bytes(f"{path}/{row.name}{slash}")
        assert text == showable(row.name) + slash
        if row.kind is Kind.FILE and row.size_bytes is not None:
            assert int(size.split()[0]) == row.size_bytes


# -- errors ----------------------------------------------------------------------------------------


@given(PATHS, ANY_TEXT, ANY_TEXT, st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3))
def test_problem_details_are_json_that_names_the_path(path, detail, hint, missing):
    kind, body = render_problem(
        503, "Service Unavailable", detail, instance=path, hint=hint, missing=missing, show_endpoints=True
    )  # fmt: skip
    told = json.loads(body)
    assert kind == "application/problem+json"
    assert decode_path(told["instance"]) == path
    assert told["detail"] == showable(detail)
    assert told.get("hint", "") == showable(hint)
    assert told.get("missing", {}) == {showable(k): showable(v) for k, v in missing.items()}


@given(PATHS, ANY_TEXT, ANY_TEXT, st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3))
def test_the_page_of_an_error_holds_text_and_no_markup_of_others(path, detail, hint, missing):
    _, body = render_problem(
        503, "x", detail, instance=path, hint=hint, missing=missing, show_endpoints=True, wants_html=True
    )  # fmt: skip
    reader = Table()
    reader.feed(body.decode())
    reader.close()
    known = "html head meta title link style body main h1 p div strong ul li a footer"
    assert reader.tags <= set(known.split(" "))


# -- headers ---------------------------------------------------------------------------------------

HEADER_SAFE = re.compile(r"[ -~]*")
# RFC 8288 section 3, as far as these headers go
LINK = re.compile(r'<([^<>"\s]*)>((?:; [a-z]+=(?:[^;,"]+|"[^"]*"))*)')


@given(st.lists(PATHS, min_size=1, max_size=5), st.integers(0, 5))
def test_duplicates_lead_to_the_replicas_in_order(paths, limit):
    replicas = [MetalinkReplica(join_url("https://se.example:443/dav", path)) for path in paths]
    header = render_duplicate_links(replicas, limit=limit)
    assert HEADER_SAFE.fullmatch(header)
    found = LINK.findall(header)
    assert [target for target, _ in found] == [one.url for one in replicas[: limit or None]]
    assert [parameters for _, parameters in found] == [
        f"; rel=duplicate; pri={number}" for number in range(1, len(found) + 1)
    ]
    # nothing is left over between the links
    assert LINK.sub("", header).replace(", ", "") == ""


@given(PATHS)
def test_the_description_of_any_name_can_stand_in_a_header(path):
    header = render_describedby(encode_path(path) + "?metalink=4", "application/metalink4+xml")
    ((target, parameters),) = LINK.findall(header)
    assert decode_path(target.removesuffix("?metalink=4")) == path
    assert parameters == '; rel=describedby; type="application/metalink4+xml"'


DISPOSITION = re.compile(
    r"attachment; filename=\"([ !#-\[\]-~]*)\"(?:; filename\*=UTF-8''([!-~]+))?"
)


@given(NAMES)
@example("a%41b")
@example('say "so" \\ twice')
@example("%22; filename=x")
def test_a_download_has_its_name(name):
    header = attachment(name)
    match = DISPOSITION.fullmatch(header)
    assert match, header
    plain, extended = match.groups()
    if extended is not None:
        assert unquote_to_bytes(extended) == name_bytes(name)
        assert not set(extended) & set("'()*,; \"\\/:")
        assert len(plain) == len(name)
    else:
        assert plain == name
        # some browsers take this for an escape (RFC 6266 appendix D)
        assert not re.search("%[0-9A-Fa-f]{2}", plain)


def parse_members(header: str) -> list[tuple[str, dict[str, str]]]:
    """A List of RFC 8941 section 3.1 whose members and parameters are tokens or strings."""
    members: list[tuple[str, dict[str, str]]] = []
    rest = header
    item = re.compile(
        r'(?P<string>"(?:[ !#-\[\]-~]|\\["\\])*")|(?P<token>[A-Za-z*][!#$%&\'*+.^_`|~0-9A-Za-z:/-]*)'
    )
    while rest:
        match = item.match(rest)
        assert match, rest
        assert match["token"]
        name, parameters, rest = match["token"], {}, rest[match.end() :]
        while rest.startswith("; "):
            key, _, rest = rest[2:].partition("=")
            assert re.fullmatch("[a-z*][a-z0-9_.*-]*", key)
            value = item.match(rest)
            assert value, rest
            rest = rest[value.end() :]
            parameters[key] = value["token"] or re.sub(r"\\(.)", r"\1", value["string"][1:-1])
        members.append((name, parameters))
        assert rest == "" or rest.startswith(", ")
        rest = rest[2:]
    return members


def printable(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text[:200])


@given(st.dictionaries(ANY_TEXT.filter(bool), ANY_TEXT, max_size=4))
def test_proxy_status_is_a_structured_field_that_says_it_all(missing):
    reasons = {name: Reason(why, Trouble.CONNECTION_TIMEOUT) for name, why in missing.items()}
    found = parse_members(proxy_status(reasons))
    assert len(found) == len(missing)
    for (name, details), (member, parameters) in zip(sorted(missing.items()), found, strict=True):
        expected = {
            "error": "connection_timeout",
            "next-hop": printable(name),
            "details": printable(details),
        }
        assert member == "ugrpy"
        assert parameters == {key: value for key, value in expected.items() if value}


@given(st.lists(st.tuples(st.text(min_size=1), st.floats(0, 1e6)), max_size=4))
def test_server_timing_has_a_member_for_each_part(parts):
    header = server_timing([Took(*part) for part in parts])
    assert HEADER_SAFE.fullmatch(header)
    assert [float(value) for value in re.findall(r";dur=([0-9.]+)(?:, |$)", header)] == [
        float(f"{seconds * 1000:.1f}") for _, seconds in parts
    ]


# -- the access log --------------------------------------------------------------------------------

FIELD = re.compile(r'(?P<key>[a-z]+)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^ "]*))(?: |$)')


def logged(entries: list[tuple[str, str, str]]) -> bytes:
    async def write(path: Path) -> None:
        log = AccessLog(str(path), FakeClock())
        for method, target, agent in entries:
            log.write(Access("1-1", "192.0.2.1", method, target, 200, 0, 0.1, agent=agent))
        log.close()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "access.log"
        asyncio.run(write(path))
        return path.read_bytes()


def unescaped(text: str) -> str:
    return re.sub(
        r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))",
        lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else m[3],
        text,
    )


@settings(max_examples=60)
@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), min_size=1, max_size=4))
def test_an_access_line_is_one_line_and_holds_what_was_sent(sent):
    entries = [("GET", target, agent) for target, agent in sent]
    data = logged(entries)
    lines = data.decode().splitlines()
    assert data.count(b"\n") == len(lines) == len(entries)
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", data)
    for (_, target, agent), line in zip(entries, lines, strict=True):
        fields = {
            m["key"]: m["quoted"] if m["plain"] is None else m["plain"]
            for m in FIELD.finditer(line)
        }
        assert " ".join(m[0].strip() for m in FIELD.finditer(line)) == line
        assert unescaped(fields["path"]) == target
        assert unescaped(fields.get("agent", "")) == agent
