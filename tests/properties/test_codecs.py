"""Laws of the codecs: what is written is read back, cutting a body changes nothing, nonsense raises nothing but ours."""

import contextlib
import itertools

from hypothesis import given
from hypothesis import strategies as st

from ugrpy.core.errors import BadRequest, DataError
from ugrpy.metalink.document import DIGEST_LENGTHS, Document, MetalinkReplica
from ugrpy.metalink.negotiate import MetalinkVersion, metalink_accepted, metalink_wanted
from ugrpy.metalink.reader import parse_metalink
from ugrpy.metalink.v3 import render_metalink3
from ugrpy.metalink.v4 import render_metalink4
from ugrpy.namespace.model import Digest, Kind
from ugrpy.webdav.checksums import parse_checksums
from ugrpy.webdav.dates import parse_date, render_http_date, render_iso_date
from ugrpy.webdav.hrefs import parse_href
from ugrpy.webdav.multistatus import MultistatusReader, Resource
from ugrpy.webdav.render import Described, render_multistatus
from ugrpy.webdav.request import PropfindForm, PropfindRequest, parse_propfind
from ugrpy.webdav.validators import Conditions, Verdict, evaluate

# Every name a storage can send in bytes, as we keep it (PEP 383), but those no path can hold
NAMES = (
    st.binary(min_size=1, max_size=20)
    .map(lambda raw: raw.replace(b"/", b"").replace(b"\0", b"").decode(errors="surrogateescape"))
    .filter(lambda name: name not in ("", ".", ".."))
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: "/" + "/".join(names))
SECONDS = st.integers(-62135596800, 253402300799)
DESCRIBED = st.builds(
    Described,
    href=PATHS,
    name=st.text(),
    kind=st.sampled_from(Kind),
    size_bytes=st.none() | st.integers(0, 10**17),
    mtime_s=st.none() | SECONDS,
    etag=st.none() | st.just('W/"<&>"'),
)
REQUESTS = st.sampled_from(
    [
        PropfindRequest(),
        PropfindRequest(
            PropfindForm.PROP,
            tuple(
                ("DAV:", name)
                for name in ("getcontentlength", "getlastmodified", "resourcetype", "owner")
            ),
        ),
    ]
)


def seen(item: Described) -> Resource:
    """What a reader should make of an item."""
    collection = item.kind is Kind.COLLECTION
    size_bytes = None if collection else item.size_bytes
    return Resource(item.href, collection, item.kind, size_bytes, item.mtime_s)


def read_in_pieces(body: bytes, cuts: list[int]) -> list[Resource]:
    reader = MultistatusReader()
    found = []
    bounds = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(bounds):
        found += reader.feed(body[start:end])
    return found + reader.close()


@given(st.lists(DESCRIBED, max_size=5), REQUESTS)
def test_a_multistatus_is_read_back_as_written(items, request):
    body = b"".join(render_multistatus(items, request))
    expected = [seen(item) for item in items]
    assert read_in_pieces(body, []) == expected
    assert read_in_pieces(body, list(range(len(body)))) == expected


@given(st.lists(DESCRIBED, max_size=5), st.lists(st.integers(0, 10_000), max_size=10))
def test_cutting_a_multistatus_anywhere_changes_nothing(items, cuts):
    body = b"".join(render_multistatus(items, PropfindRequest()))
    assert read_in_pieces(body, cuts) == [seen(item) for item in items]


@given(st.lists(DESCRIBED, min_size=1, max_size=3), st.data())
def test_a_multistatus_cut_short_never_looks_whole(items, data):
    body = b"".join(render_multistatus(items, PropfindRequest())).rstrip()
    end = data.draw(st.integers(0, len(body) - 1))
    try:
        read_in_pieces(body[:end], [])
    except DataError:
        return
    raise AssertionError(f"read without complaint up to byte {end} of {len(body)}")


URLS = st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), max_size=30).map(
    lambda rest: "https://se.example/" + rest
)
DIGESTS = st.lists(
    st.sampled_from(sorted(DIGEST_LENGTHS)), unique=True, max_size=len(DIGEST_LENGTHS)
).map(lambda names: tuple(Digest(name, "0a" * (DIGEST_LENGTHS[name] // 2)) for name in names))


@st.composite
def documents(draw):
    """Documents that both versions can hold: names within XML, priorities 1 to 100 in order."""
    priorities = sorted(draw(st.lists(st.integers(1, 100), max_size=6)))
    countries = st.none() | st.sampled_from(["ca", "de", "ch"])
    name = draw(
        st.text(
            st.characters(exclude_categories=["Cs"], exclude_characters="/\ufffe\uffff").filter(
                lambda c: c >= " " or c in "\t\n\r"
            )
        ).filter(lambda text: text not in (".", ".."))
    )
    return Document(
        name=name,
        size_bytes=draw(st.none() | st.integers(0, 10**17)),
        digests=draw(DIGESTS),
        replicas=tuple(
            MetalinkReplica(draw(URLS), number, draw(countries)) for number in priorities
        ),
        published_s=draw(st.none() | st.integers(0, 4 * 10**9)),
    )


@given(documents())
def test_a_metalink_is_read_back_as_written(document):
    assert parse_metalink(render_metalink4(document)) == document
    assert parse_metalink(render_metalink3(document)) == document


@given(st.text(), st.text())
def test_any_name_and_url_make_a_readable_metalink(name, url):
    document = Document(name.replace("/", "").replace(".", ""), replicas=(MetalinkReplica(url, 1),))
    for render in (render_metalink3, render_metalink4):
        parse_metalink(render(document))


TOKENS = st.lists(
    st.sampled_from(
        [
            "application/metalink4+xml",
            "application/metalink+xml",
            "metalink",
            "*/*",
            "text/html",
            ";",
            ",",
            "q=",
            "0",
            "1",
            "0.5",
            ".",
            '"',
            "\\",
            " ",
            "=",
            "é",
            "4",
            "3",
            "&",
        ]
    )
).map("".join)


@given(st.none() | st.text() | TOKENS, st.text() | TOKENS)
def test_negotiation_takes_any_text(accept, query):
    wanted = metalink_wanted(accept, query)
    assert wanted is None or isinstance(wanted, MetalinkVersion)
    if wanted is not None and "metalink" not in query:
        assert metalink_accepted(accept)


@given(SECONDS)
def test_dates_are_read_back_as_written(seconds):
    assert parse_date(render_http_date(seconds)) == seconds
    assert parse_date(render_iso_date(seconds)) == seconds


@given(st.text(), st.none() | st.text(), st.none() | st.text(), st.booleans())
def test_readers_of_text_take_any_text(text, match, none_match, verbatim):
    parse_date(text)
    parse_checksums(text)
    place = parse_href("/" + text, verbatim=verbatim)
    assert place is None or (place[0].startswith("/") and "//" not in place[0])
    conditions = Conditions(match, none_match, text, text)
    assert isinstance(evaluate(conditions, 'W/"x"', 0), Verdict)


@given(st.binary() | st.text().map(str.encode))
def test_readers_of_bytes_raise_only_ours(data):
    for wrapped in (data, b'<x xmlns="DAV:">' + data + b"</x>"):
        with contextlib.suppress(BadRequest):
            parse_propfind(wrapped)
        for read in (lambda body: read_in_pieces(body, [len(body) // 2]), parse_metalink):
            with contextlib.suppress(DataError):
                read(wrapped)
