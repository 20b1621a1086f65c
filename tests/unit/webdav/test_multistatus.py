"""The reader: captured replies, one quirk a test, broken documents, and every way of cutting a body into pieces."""

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from ugrpy.core.errors import DataError
from ugrpy.namespace.model import Digest, Kind
from ugrpy.webdav.multistatus import (
    RESPONSE_LIMIT_BYTES,
    HrefStyle,
    MultistatusReader,
    Resource,
)
from ugrpy.webdav.quirks import Quirk

DATA = Path(__file__).parents[2] / "data"
DATE_S = 1709210096  # 2024-02-29T12:34:56Z, the date of everything in the captured tree

TREE = {
    Resource("/data", True, Kind.COLLECTION, None, DATE_S),
    Resource("/data/sub", True, Kind.COLLECTION, None, DATE_S),
    Resource("/data/.hidden", False, Kind.FILE, 1, DATE_S),
    Resource("/data/a.txt", False, Kind.FILE, 12, DATE_S),
    Resource("/data/empty.bin", False, Kind.FILE, 0, DATE_S),
    Resource("/data/sp ace & <b>+100%#?.dat", False, Kind.FILE, 100, DATE_S),
    Resource("/data/é中.txt", False, Kind.FILE, 1, DATE_S),
}
NGINX_TREE = {one for one in TREE if one.path != "/data/.hidden"}
XROOTD_TREE = {one for one in TREE if one.path != "/data/sub"} | {
    Resource("/data/sub", False, Kind.COLLECTION, None, DATE_S)
}


def read(body: bytes, step: int = 1 << 20, hrefs: HrefStyle = HrefStyle.AUTO) -> list[Resource]:
    reader = MultistatusReader(hrefs)
    found = []
    for start in range(0, len(body), step):
        found += reader.feed(body[start : start + step])
    return found + reader.close()


def of(*responses: str) -> bytes:
    joined = "".join(f"<d:response>{response}</d:response>" for response in responses)
    return f'<d:multistatus xmlns:d="DAV:">{joined}</d:multistatus>'.encode()


def described(properties: str, href: str = "/x", status: str = "HTTP/1.1 200 OK") -> str:
    return (
        f"<d:href>{href}</d:href><d:propstat><d:prop>{properties}</d:prop>"
        f"<d:status>{status}</d:status></d:propstat>"
    )


@pytest.mark.parametrize(
    ("name", "tree"),
    [
        ("apache/propfind-depth1-dir-allprop.xml", TREE),
        ("apache/propfind-depth1-dir-davix.xml", TREE),
        ("nginx/propfind-depth1-dir-allprop.xml", NGINX_TREE),
        ("nginx/propfind-depth1-dir-davix.xml", NGINX_TREE),
        ("rclone/propfind-depth1-dir-allprop.xml", TREE),
        ("wsgidav/propfind-depth1-dir-allprop.xml", TREE),
        ("wsgidav/propfind-depth1-dir-davix.xml", TREE),
        ("xrootd/propfind-depth1-dir-davix.xml", XROOTD_TREE),
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_every_server_tells_the_same_tree(name, tree, step):
    # WsgiDAV also tells the quota, which is another test's
    found = [
        replace(one, free_bytes=None, used_bytes=None)
        for one in read((DATA / name).read_bytes(), step)
    ]
    assert found[0] == Resource("/data", True, Kind.COLLECTION, None, DATE_S)
    assert set(found) == tree
    assert len(found) == len(tree)


@pytest.mark.parametrize(
    ("properties", "free_bytes", "used_bytes"),
    [
        ("<d:quota-available-bytes>7</d:quota-available-bytes>", 7, None),
        ("<d:quota-used-bytes> 0 </d:quota-used-bytes>", None, 0),
        ("<d:quota-available-bytes/><d:quota-used-bytes>-3</d:quota-used-bytes>", None, None),
        ("<d:quota-available-bytes>18 EB</d:quota-available-bytes>", None, None),
        (
            "<d:quota-used-bytes>1</d:quota-used-bytes>"
            "<d:quota-available-bytes>999999999999999999</d:quota-available-bytes>",
            10**18 - 1,
            1,
        ),
    ],
)
def test_the_quota_of_a_collection(properties, free_bytes, used_bytes):
    (root,) = read(of(described(properties)))
    assert (root.free_bytes, root.used_bytes) == (free_bytes, used_bytes)


@pytest.mark.parametrize("server", ["apache", "nginx", "xrootd"])
def test_a_file_at_depth_one_and_a_collection_at_depth_zero_are_alone(server):
    file = read((DATA / server / "propfind-depth1-file-davix.xml").read_bytes())
    assert file == [Resource("/data/a.txt", False, Kind.FILE, 12, DATE_S)]
    collection = read((DATA / server / "propfind-depth0-dir-davix.xml").read_bytes())
    assert collection == [Resource("/data", True, Kind.COLLECTION, None, DATE_S)]


def test_resources_come_as_soon_as_their_response_is_complete():
    reader = MultistatusReader()
    assert reader.feed(b'<multistatus xmlns="DAV:"><response><href>/a</href>') == []
    assert reader.feed(b"</response><response>") == [Resource("/a", False)]
    assert reader.feed(b"<href>/b/</href></response></multistatus>") == [Resource("/b", True)]
    assert reader.close() == []


def test_an_empty_multistatus_has_no_resources():
    assert read(b'<multistatus xmlns="DAV:"/>') == []


@pytest.mark.parametrize(
    ("properties", "kind", "size_bytes"),
    [
        ("", None, None),
        ("<d:getcontentlength>5</d:getcontentlength>", None, 5),
        ("<d:resourcetype/>", Kind.FILE, None),
        ("<d:resourcetype>\n</d:resourcetype>", Kind.FILE, None),
        ("<d:resourcetype><d:collection/></d:resourcetype>", Kind.COLLECTION, None),
        (
            '<d:resourcetype><x xmlns="urn:x"/><d:collection/></d:resourcetype>',
            Kind.COLLECTION,
            None,
        ),
        ('<d:resourcetype><collection xmlns="urn:x"/></d:resourcetype>', Kind.FILE, None),
        ("<d:iscollection>0</d:iscollection>", Kind.FILE, None),
        ("<d:iscollection> TRUE </d:iscollection>", Kind.COLLECTION, None),
        ("<d:iscollection>1</d:iscollection><d:resourcetype/>", Kind.FILE, None),
        (
            "<d:getcontentlength>4096</d:getcontentlength><d:iscollection>1</d:iscollection>",
            Kind.COLLECTION,
            None,
        ),
        ("<d:resourcetype/><d:getcontentlength> 12\n</d:getcontentlength>", Kind.FILE, 12),
        ("<d:resourcetype/><d:getcontentlength/>", Kind.FILE, None),
        ("<d:resourcetype/><d:getcontentlength>-1</d:getcontentlength>", Kind.FILE, None),
        ("<d:resourcetype/><d:getcontentlength>1e3</d:getcontentlength>", Kind.FILE, None),
        (
            "<d:resourcetype/><d:getcontentlength>9999999999999999999999</d:getcontentlength>",
            Kind.FILE,
            None,
        ),
    ],
)
def test_kinds_and_sizes(properties, kind, size_bytes):
    assert read(of(described(properties))) == [Resource("/x", False, kind, size_bytes)]


@pytest.mark.parametrize(
    ("text", "mtime_s"),
    [
        ("Thu, 29 Feb 2024 12:34:56 GMT", DATE_S),
        ("2024-02-29T12:34:56Z", DATE_S),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_dates_of_every_kind(text, mtime_s):
    body = of(described(f"<d:getlastmodified>{text}</d:getlastmodified>"))
    assert read(body) == [Resource("/x", False, mtime_s=mtime_s)]


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("HTTP/1.1 200 OK", True),
        ("HTTP/1.1 200", True),
        ("HTTP/2 207 Multi-Status", True),
        ("\n HTTP/1.0 204 x\n", True),
        ("HTTP/1.1 404 Not Found", False),
        ("HTTP/1.1 403 Forbidden", False),
        ("fine", False),
        ("", False),
    ],
)
def test_only_propstats_with_success_count(status, counts):
    body = of(described("<d:getcontentlength>5</d:getcontentlength>", status=status))
    assert read(body) == [Resource("/x", False, size_bytes=5 if counts else None)]


def test_a_propstat_without_status_counts():
    body = of("<d:href>/x</d:href><d:propstat><d:prop><d:resourcetype/></d:prop></d:propstat>")
    assert read(body) == [Resource("/x", False, Kind.FILE)]


def test_a_response_may_have_a_status_and_several_hrefs():
    body = of("<d:href>/a</d:href><d:href>/b/</d:href><d:status>HTTP/1.1 423 Locked</d:status>")
    assert read(body) == [Resource("/a", False, status=423), Resource("/b", True, status=423)]


def test_an_unreadable_status_of_a_response_is_taken_for_success():
    assert read(of("<d:href>/a</d:href><d:status>?</d:status>")) == [Resource("/a", False)]


def test_responses_without_a_usable_href_are_skipped_and_counted():
    body = of(
        "<d:propstat/>",
        "<d:href/>",
        "<d:href>relative</d:href>",
        "<d:href>/a/../b</d:href>",
        "<d:href>/good</d:href>",
    )
    reader = MultistatusReader()
    assert reader.feed(body) + reader.close() == [Resource("/good", False)]
    assert reader.skipped == 4
    assert "skipped=4" in repr(reader)


@pytest.mark.parametrize(
    ("style", "mark", "path"),
    [
        (HrefStyle.AUTO, "", "/100%"),
        (
            HrefStyle.AUTO,
            '<executable xmlns="http://apache.org/dav/props/">F</executable>',
            "/100%",
        ),
        (HrefStyle.AUTO, "<d:executable>F</d:executable>", "/100%25?a"),
        (HrefStyle.ENCODED, "<d:executable>F</d:executable>", "/100%"),
        (HrefStyle.VERBATIM, "", "/100%25?a"),
    ],
)
def test_xrootd_is_known_by_its_mark_and_not_decoded(style, mark, path):
    [found] = read(of(described(mark, "/100%25?a")), hrefs=style)
    assert found.path == path


@pytest.mark.parametrize(
    ("properties", "href", "met"),
    [
        ("<d:resourcetype/><d:getcontentlength>5</d:getcontentlength>", "/x", set()),
        ("<d:resourcetype><d:collection/></d:resourcetype>", "/x/", set()),
        ("", "/x", set()),
        ("<d:iscollection>0</d:iscollection>", "/x", {Quirk.NO_RESOURCETYPE}),
        ("<d:iscollection>0</d:iscollection><d:resourcetype/>", "/x", set()),
        (
            "<d:resourcetype><d:collection/></d:resourcetype><d:getcontentlength>0</d:getcontentlength>",
            "/x",
            {Quirk.COLLECTION_SIZE, Quirk.COLLECTION_WITHOUT_SLASH},
        ),
        ("<d:executable>F</d:executable>", "/x", {Quirk.VERBATIM_HREFS}),
        ("<d:getlastmodified>2024-02-29T12:34:56Z</d:getlastmodified>", "/x", {Quirk.ISO_DATES}),
        ("<d:getlastmodified>tomorrow</d:getlastmodified>", "/x", set()),
        ("<d:getlastmodified>Thu, 29 Feb 2024 12:34:56 GMT</d:getlastmodified>", "/x", set()),
        ("<d:resourcetype/>", "relative", set()),
    ],
)
def test_quirks_are_noted(properties, href, met):
    reader = MultistatusReader()
    reader.feed(of(described(properties, href)))
    reader.close()
    assert reader.quirks == met


@pytest.mark.parametrize("step", [1, 5, 1 << 20])
def test_one_name_that_xml_cannot_carry_hides_no_other(step):
    def body(name: bytes) -> bytes:
        parts = (b"<d:href>/a</d:href>", b"<d:href>/" + name + b"</d:href>", b"<d:href>/z</d:href>")
        responses = b"".join(b"<d:response>" + part + b"</d:response>" for part in parts)
        return b'<d:multistatus xmlns:d="DAV:">' + responses + b"</d:multistatus>"

    for name in (b"caf\xe9", b"\x01", b"\xef\xbf\xbf", b"\xc3\xa9\xff"):
        reader = MultistatusReader()
        data = body(name)
        found = []
        for start in range(0, len(data), step):
            found += reader.feed(data[start : start + step])
        found += reader.close()
        odd = "/" + name.decode("utf-8", "surrogateescape")
        assert [one.path for one in found] == ["/a", odd, "/z"]
        assert reader.quirks == {Quirk.RAW_NAMES}
        assert reader.skipped == 0
    # no name at all: what is put back is refused as ever
    reader = MultistatusReader()
    found = reader.feed(body(b"a\0b")) + reader.close()
    assert [one.path for one in found] == ["/a", "/z"]
    assert reader.skipped == 1


def test_what_a_stranger_wrote_is_kept_apart_from_our_words():
    for body in (b"<se.example:1094/>", b"<se.example/>", b"<m><se.example></m>"):
        with pytest.raises(DataError) as caught:
            read(body)
        assert "se.example" not in str(caught.value)
        assert caught.value.seen


def test_checksums_of_dcache_and_owncloud_are_read():
    dcache = (
        '<c:Checksums xmlns:c="http://www.dcache.org/2013/webdav">adler32=03da0195</c:Checksums>'
    )
    owncloud = '<o:checksums xmlns:o="http://owncloud.org/ns"><o:checksum>ADLER32:03da0195</o:checksum></o:checksums>'
    for properties in (dcache, owncloud):
        [found] = read(of(described(properties)))
        assert found.digests == (Digest("adler32", "03da0195"),)


def test_comments_instructions_and_cdata_do_not_split_values():
    body = of("<!-- 1 --><d:href>/a<!-- 2 -->b<?x y?><![CDATA[&c]]></d:href>")
    assert read(body) == [Resource("/ab&c", False)]


def test_a_response_inside_a_property_is_a_value():
    inner = "<d:response><d:href>/inner</d:href></d:response>"
    body = of(described(f'<dead xmlns="urn:x"><d:multistatus>{inner}</d:multistatus></dead>'))
    assert read(body) == [Resource("/x", False)]


BROKEN = [
    (b"", "not well-formed XML: it is empty"),
    (b'<multistatus xmlns="DAV:">', "not well-formed XML: tag not finished, line 1, column 2[67]$"),
    (
        b'<multistatus xmlns="DAV:"><response></multistatus>',
        "not well-formed XML: tag name mismatch, line 1",
    ),
    (b'<multistatus xmlns="DAV:"></multistatus><x/>', "not well-formed"),
    (b"<html><body>Moved</body></html>", "root element is html, not {DAV:}multistatus"),
    (b'<m xmlns="DAV:"><response><href>/a</href></response></m>', "root element is another one,"),
    (b"<multistatus/>", "root element is another one, not"),
    (b'<!DOCTYPE m><multistatus xmlns="DAV:"/>', "document type declaration"),
    (b'<!DOCTYPE m [<!ENTITY a "b">]><multistatus xmlns="DAV:" x="&a;"/>', "document type"),
    (
        b'<multistatus xmlns="DAV:"><response><href>/'
        + b"a" * 65536
        + b"</href></response></multistatus>",
        r"line 1: a value in \{DAV:\}href is over 65536 bytes",
    ),
    (
        b"<a>" + b"<b/>" * (RESPONSE_LIMIT_BYTES // 4) + b"</a>",
        "1048576 bytes without a complete response",
    ),
    (b'<multistatus xmlns="DAV:">' + b" " * RESPONSE_LIMIT_BYTES, "without a complete response"),
]


@pytest.mark.parametrize(("body", "message"), BROKEN)
def test_broken_documents_say_where_and_which_rule(body, message):
    with pytest.raises(DataError, match=message):
        read(body)


@pytest.mark.parametrize(("body", "message"), [case for case in BROKEN if len(case[0]) < 1000])
def test_broken_documents_fed_byte_by_byte(body, message):
    with pytest.raises(DataError, match=message):
        read(body, step=1)


@pytest.mark.parametrize("step", [1, 5, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b'<multistatus xmlns="DAV:"><response><href>/&a;</href></response></multistatus>',
        b'<multistatus xmlns="DAV:">&a;<response><href>/b</href></response></multistatus>',
        b'<multistatus xmlns="DAV:"/>&a;',
    ],
)
def test_undeclared_entities_end_the_document(body, step):
    with pytest.raises(DataError):
        read(body, step)


def test_what_follows_an_undeclared_entity_is_not_taken_for_a_new_document():
    start = b'<multistatus xmlns="DAV:"><response><href>/a</href></response>'
    reader = MultistatusReader()
    assert reader.feed(start + b"&a;") == [Resource("/a", False)]
    with pytest.raises(DataError, match="breaks off at an entity that is not declared"):
        reader.feed(start + b"</multistatus>")

    reader = MultistatusReader()
    reader.feed(start + b"&a;")
    with pytest.raises(DataError, match="breaks off at an entity that is not declared"):
        reader.close()


@pytest.mark.parametrize(
    "rest",
    [b"</d:oops>", b"<d:response><d:href>/" + b"a" * 65537 + b"</d:href></d:response>"],
)
def test_what_was_complete_before_the_break_is_handed_out_first(rest):
    reader = MultistatusReader()
    start = b'<d:multistatus xmlns:d="DAV:"><d:response><d:href>/a</d:href></d:response>'
    assert reader.feed(start + rest) == [Resource("/a", False)]
    with pytest.raises(DataError):
        reader.feed(b"<d:response>")
    with pytest.raises(DataError):
        reader.close()


def test_a_break_seen_only_at_the_end_is_told():
    reader = MultistatusReader()
    assert reader.feed(of("<d:href>/a</d:href>")[:-3]) == [Resource("/a", False)]
    with pytest.raises(DataError, match="not well-formed"):
        reader.close()


def test_memory_does_not_grow_with_the_number_of_responses():
    body = (DATA / "apache/propfind-depth1-file-davix.xml").read_bytes()
    start, end = body.index(b"<D:response"), body.index(b"</D:multistatus>")
    reader = MultistatusReader()
    reader.feed(body[:start])
    piece = body[start:end] * 1000
    assert len(reader.feed(piece)) == 1000
    # The tree lives outside Python's allocator, so only the process tells; kept whole it would take over 100 MB.
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(len(reader.feed(piece)) for _ in range(20)) == 20_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 32 * 1024
