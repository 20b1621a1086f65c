"""Do clients that look around see the union of the storages: kinds, sizes, dates, each child once?

The bodies of PROPFIND were recorded from the clients, but for those of RFC 4918 and of cadaver, which is written as its
library neon writes them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from lxml import etree

from tests.functional import clients
from tests.functional.clients import (
    EMPTY,
    HOLLOW,
    HTTP_DATE,
    MISS,
    MOUNT,
    NAMES,
    ROOT_FILE,
    SHARED,
    SHARED_BYTES,
    WIDE,
    html_links,
    only,
    only_bytes,
    propfind,
    requests_to,
    wide_names,
)

pytestmark = pytest.mark.functional
grid = clients.grid

# each takes a fraction of a second on an idle machine
QUICK_S = 15.0
DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")

# What the root holds: the collections of the three storages and the first component of the annex' mount point.
TOP_LEVEL = {"/data/", "/hollow/", "/hollow-on-one/", "/nested/", "/roots/", f"{WIDE}/", "/annex/"}
DATA_SIZES = {
    SHARED: len(SHARED_BYTES),
    EMPTY: 0,
    **{only(name): len(only_bytes(name)) for name in NAMES},
}


@pytest.mark.row("K15")
@pytest.mark.parametrize("path", ["/", "/data/", "/data", SHARED, MISS, "/annex/", f"{MOUNT}/"])
def test_options_offers_dav_1_and_propfind(grid, path):
    answer = grid.ask("OPTIONS", path)
    assert answer.status == 200
    assert "1" in [level.strip() for level in answer.headers["dav"].split(",")]
    allowed = {method.strip() for method in answer.headers["allow"].split(",")}
    assert {"OPTIONS", "GET", "HEAD", "PROPFIND"} <= allowed
    assert answer.body == b""


@pytest.mark.row("K18")
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ["/data", HOLLOW, "/hollow-on-one", WIDE, "/nested/one/two"])
def test_depth_0_of_a_collection(grid, path, slash):
    (told,) = propfind(grid, path + slash, "0")
    assert (told.path, told.collection) == (f"{path}/", True)
    assert "getcontentlength" not in told.props
    # when it was changed is the storages' to say: a date, whichever
    assert DATE.fullmatch(told.props["getlastmodified"])


@pytest.mark.row("K18")
@pytest.mark.parametrize("path", ["/", "/annex", "/annex/", MOUNT, f"{MOUNT}/"])
def test_depth_0_of_a_collection_that_mounts_make(grid, path):
    (told,) = propfind(grid, path, "0")
    assert (told.path, told.collection) == (path.rstrip("/") + "/", True)
    # it is there whatever the storages say, so there is no date to tell, and no false one is
    assert told.props.keys() == {"resourcetype", "getcontenttype", "iscollection", "displayname"}


@pytest.mark.row("K18")
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", DATA_SIZES)
def test_depth_0_of_a_file(grid, path, slash):
    (told,) = propfind(grid, path + slash, "0")
    assert (told.path, told.collection, told.size) == (path, False, DATA_SIZES[path])
    assert told.props["getlastmodified"] == HTTP_DATE


@pytest.mark.row("K19")
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", DATA_SIZES)
def test_depth_1_of_a_file_is_just_that_file(grid, path, slash):
    (told,) = propfind(grid, path + slash, "1")
    assert (told.path, told.collection, told.size) == (path, False, DATA_SIZES[path])
    assert told.props["getlastmodified"] == HTTP_DATE


@pytest.mark.row("K20", "K21", "K22")
@pytest.mark.parametrize("slash", ["", "/"])
def test_depth_1_is_the_union_of_the_storages_each_child_once(grid, slash):
    itself, *children = propfind(grid, f"/data{slash}", "1")
    assert (itself.path, itself.collection) == ("/data/", True)
    paths = [told.path for told in children]
    assert len(paths) == len(set(paths))
    sizes = {told.path: told.size for told in children}
    root_file = grid.storages["nginx"].root / ROOT_FILE[1:]
    assert sizes == {**DATA_SIZES, ROOT_FILE: root_file.stat().st_size}
    assert not any(told.collection for told in children)
    assert {told.props["getlastmodified"] for told in children} == {HTTP_DATE}


@pytest.mark.row("K20", "K21", "K22")
def test_a_thousand_children_are_told_once_each_with_their_sizes(grid):
    itself, *children = propfind(grid, f"{WIDE}/", "1")
    assert (itself.path, itself.collection) == (f"{WIDE}/", True)
    assert len(children) == 1000
    assert {told.path.removeprefix(f"{WIDE}/"): told.size for told in children} == wide_names()
    holders = [
        sum((server.root / told.path[1:]).exists() for server in grid.storages.values())
        for told in children
    ]
    assert set(holders) == {1, 2}  # the table above would not show a file told twice if none were


@pytest.mark.row("K20", "K22")
def test_collections_on_several_storages_merge_all_the_way_down(grid):
    for path, child in [("/nested", "one"), ("/nested/one", "two"), ("/nested/one/two", "three")]:
        itself, *children = propfind(grid, f"{path}/", "1")
        assert (itself.path, itself.collection) == (f"{path}/", True)
        assert [(told.path, told.collection) for told in children] == [(f"{path}/{child}/", True)]
    deepest = "/nested/one/two/three/"
    itself, *children = propfind(grid, deepest, "1")
    assert itself.path == deepest
    assert {told.path for told in children} == {f"{deepest}{name}.txt" for name in NAMES}
    assert {told.path: told.size for told in children} == {
        f"{deepest}{name}.txt": len(name) for name in NAMES
    }


@pytest.mark.row("K24")
def test_the_root_shows_the_top_level_with_the_mount_points(grid):
    itself, *children = propfind(grid, "/", "1")
    assert (itself.path, itself.collection) == ("/", True)
    assert {told.path for told in children} == TOP_LEVEL
    assert len(children) == len(TOP_LEVEL)
    assert all(told.collection for told in children)
    assert html_links(grid, "/").keys() == TOP_LEVEL


@pytest.mark.row("K24")
def test_the_way_to_a_mount_point_can_be_walked(grid):
    itself, inner = propfind(grid, "/annex", "1")
    assert (itself.path, inner.path, inner.collection) == ("/annex/", f"{MOUNT}/", True)
    itself, inside = propfind(grid, MOUNT, "1")
    assert (itself.path, inside.path) == (f"{MOUNT}/", f"{MOUNT}/inside.txt")
    location, body = grid.follow(f"{MOUNT}/inside.txt")
    assert (location, body) == (grid.replica("annex", "/inside.txt"), b"inside the annex")


@pytest.mark.row("K25")
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", [HOLLOW, "/hollow-on-one"])
def test_an_empty_collection_lists_only_itself(grid, path, slash):
    (told,) = propfind(grid, path + slash, "1")
    assert (told.path, told.collection) == (f"{path}/", True)
    assert html_links(grid, f"{path}/").keys() <= {"/"}


DAVIX = (
    b'<?xml version="1.0" encoding="utf-8" ?><D:propfind xmlns:D="DAV:" xmlns:L="LCGDM:"><D:prop><D:displayname/>'
    b"<D:getlastmodified/><D:creationdate/><D:getcontentlength/><D:quota-used-bytes/><D:resourcetype><D:collection/>"
    b"</D:resourcetype><L:mode/><D:owner></D:owner><D:group></D:group></D:prop></D:propfind>"
)
RCLONE_NEXTCLOUD = (
    b'<?xml version="1.0"?>\n<d:propfind  xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" '
    b'xmlns:nc="http://nextcloud.org/ns">\n <d:prop>\n  <d:displayname />\n  <d:getlastmodified />\n'
    b"  <d:getcontentlength />\n  <d:resourcetype />\n  <d:getcontenttype />\n  <oc:checksums />\n </d:prop>\n"
    b"</d:propfind>\n"
)
CADAVER = (
    b'<?xml version="1.0" encoding="utf-8"?>\r\n<propfind xmlns="DAV:"><prop>\r\n<getcontentlength xmlns="DAV:"/>\r\n'
    b'<getlastmodified xmlns="DAV:"/>\r\n<executable xmlns="http://apache.org/dav/props/"/>\r\n'
    b'<resourcetype xmlns="DAV:"/>\r\n<checked-in xmlns="DAV:"/>\r\n<checked-out xmlns="DAV:"/>\r\n'
    b"</prop></propfind>\r\n"
)
ALL = {
    "resourcetype",
    "getcontenttype",
    "iscollection",
    "displayname",
    "getcontentlength",
    "getlastmodified",
    "creationdate",
    "getetag",
}


@dataclass(frozen=True, slots=True)
class Form:
    """A body and which properties of the file ``SHARED`` it brings; ``valued``: with their values, not only names."""

    body: bytes | None
    told: frozenset[str]
    missing: frozenset[str] = frozenset()
    valued: bool = True


FORMS: Mapping[str, Form] = {
    "none, as rclone and gfal2 ask": Form(None, frozenset(ALL)),
    "blank": Form(b" \r\n", frozenset(ALL)),
    "davix": Form(
        DAVIX,
        frozenset(
            [
                "displayname",
                "getlastmodified",
                "creationdate",
                "getcontentlength",
                "resourcetype",
                "mode",
            ]
        ),
        frozenset({"quota-used-bytes", "owner", "group"}),
    ),
    "rclone for nextcloud": Form(
        RCLONE_NEXTCLOUD,
        frozenset(
            {"displayname", "getlastmodified", "getcontentlength", "resourcetype", "getcontenttype"}
        ),
        frozenset({"checksums"}),
    ),
    "cadaver": Form(
        CADAVER,
        frozenset({"getcontentlength", "getlastmodified", "resourcetype"}),
        frozenset({"executable", "checked-in", "checked-out"}),
    ),
    "allprop": Form(b'<propfind xmlns="DAV:"><allprop/></propfind>', frozenset(ALL)),
    "allprop with include": Form(
        b'<propfind xmlns="DAV:"><allprop/><include><mode xmlns="LCGDM:"/><supported-live-property-set/>'
        b'<y xmlns="urn:x"/></include></propfind>',
        frozenset({*ALL, "mode"}),
        frozenset({"supported-live-property-set", "y"}),
    ),
    "propname": Form(
        b'<D:propfind xmlns:D="DAV:"><D:propname/></D:propfind>',
        frozenset({*ALL, "mode", "replicas", "holders", "age"}),
        valued=False,
    ),
    "prop, only unknown ones": Form(
        b'<p:propfind xmlns:p="DAV:"><p:prop><x xmlns="urn:x"/><n xmlns=""/><p:nothing/></p:prop></p:propfind>',
        frozenset(),
        frozenset({"x", "n", "nothing"}),
    ),
    "prop, known among unknown": Form(
        b'<D:propfind xmlns:D="DAV:" xmlns:a="urn:a&amp;b"><D:prop><a:z/><D:getcontentlength/><D:lockdiscovery/>'
        b"</D:prop></D:propfind>",
        frozenset({"getcontentlength"}),
        frozenset({"z", "lockdiscovery"}),
    ),
    "prop, empty": Form(b'<propfind xmlns="DAV:"><prop/></propfind>', frozenset()),
    "with elements of others": Form(
        b'<propfind xmlns="DAV:" xmlns:e="urn:e"><e:before/><prop><getetag/></prop><e:after>x</e:after></propfind>',
        frozenset({"getetag"}),
    ),
    "UTF-16": Form(
        '<?xml version="1.0" encoding="utf-16"?><propfind xmlns="DAV:"><allprop/></propfind>'.encode(
            "utf-16"
        ),
        frozenset(ALL),
    ),
}


@pytest.mark.row("K26")
@pytest.mark.parametrize("depth", ["0", "1"])
@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_the_body_is_understood(grid, name, depth):
    form = FORMS[name]
    (told,) = propfind(grid, SHARED, depth, form.body)
    assert told.path == SHARED
    of_the_target = {"parts"} if name == "propname" else set()
    assert told.props.keys() == form.told | of_the_target
    assert set(told.missing) == form.missing
    if form.valued and "getcontentlength" in form.told:
        assert told.size == len(SHARED_BYTES)
    if form.valued and "displayname" in form.told:
        assert told.props["displayname"] == "shared.bin"
    if not form.valued:
        assert set(told.props.values()) == {""}


@pytest.mark.row("K26")
@pytest.mark.parametrize("name", FORMS)
def test_every_form_lists_the_same_children(grid, name):
    itself, *children = propfind(grid, "/data/", "1", FORMS[name].body)
    assert itself.path == "/data/"
    assert {told.path for told in children} == {*DATA_SIZES, ROOT_FILE}
    assert all(told.props.keys() == FORMS[name].told for told in children)
    assert not itself.props.get("getcontentlength")  # a collection has none, however it is asked


@pytest.mark.row("K20", "K21")
def test_davix_lists_names_and_sizes(grid, davix):
    assert davix("ls", grid.at("/nested/one/two/three")).check().text.split() == [
        f"{name}.txt" for name in sorted(NAMES)
    ]
    long = davix("ls", "-l", grid.at("/data/")).check().text
    rows = {line.split()[-1]: line.split() for line in long.splitlines()}
    assert {f"/data/{name}": int(row[2]) for name, row in rows.items()} | DATA_SIZES == {
        **DATA_SIZES,
        ROOT_FILE: (grid.storages["nginx"].root / ROOT_FILE[1:]).stat().st_size,
    }
    assert {row[0] for row in rows.values()} == {"-rw-r--r--"}
    top = davix("ls", "-l", grid.url + "/").check().text.splitlines()
    assert {line.split()[-1] for line in top} == {path.strip("/") for path in TOP_LEVEL}
    assert {line.split()[0] for line in top} == {"drwxr-xr-x"}
    assert davix("ls", grid.at(HOLLOW)).check().text == ""
    assert len(davix("ls", grid.at(WIDE)).check().text.split()) == 1000


def test_davix_ls_of_a_miss_fails(grid, davix):
    done = davix("ls", grid.at(MISS))
    assert done.code != 0
    assert done.stdout == b""
    assert "404" in done.errors


@pytest.mark.row("K20", "K21")
def test_gfal_stats_and_lists(grid, gfal):
    file = gfal("stat", grid.at(SHARED)).check().text
    assert f"Size: {len(SHARED_BYTES)}\tregular file" in file
    assert "Modify: 2024-05-17 10:00:00" in file
    assert "\tdirectory" in gfal("stat", grid.at("/data")).check().text
    rows = [line.split() for line in gfal("ls", "-l", grid.at("/data/")).check().text.splitlines()]
    sizes = {f"/data/{row[-1]}": int(row[4]) for row in rows}
    sizes.pop(ROOT_FILE)
    assert sizes == DATA_SIZES


def test_gfal_reports_a_miss_as_enoent(grid, gfal):
    done = gfal("stat", grid.at(MISS))
    assert done.code == 2
    assert "No such file or directory" in done.errors
    assert gfal("ls", grid.at(MISS)).code == 2
    assert gfal("cat", grid.at(MISS)).code == 2


@pytest.mark.row("K20", "K21")
@pytest.mark.parametrize("remote", ["webdav", "http"])
def test_rclone_lists_recursively(grid, rclone, remote):
    env = {"RCLONE_WEBDAV_URL": grid.url, "RCLONE_HTTP_URL": grid.url}
    listed = json.loads(rclone("lsjson", f":{remote}:nested", "-R", env=env).check().text)
    names = [entry["Path"] for entry in listed]
    assert len(names) == len(set(names))
    assert {entry["Path"]: entry["Size"] for entry in listed if not entry["IsDir"]} == {
        f"one/two/three/{name}.txt": len(name) for name in NAMES
    }
    top = json.loads(rclone("lsjson", f":{remote}:", env=env).check().text)
    assert {entry["Name"] for entry in top if entry["IsDir"]} == {
        path.strip("/") for path in TOP_LEVEL
    }
    data = json.loads(rclone("lsjson", f":{remote}:data", env=env).check().text)
    sizes = {f"/data/{entry['Name']}": entry["Size"] for entry in data}
    sizes.pop(ROOT_FILE)
    assert sizes == DATA_SIZES
    assert {entry["ModTime"] for entry in data} == {"2024-05-17T10:00:00Z"}


@pytest.mark.row("K19")
def test_rclone_stats_a_single_file(grid, rclone):
    env = {"RCLONE_WEBDAV_URL": grid.url}
    (entry,) = json.loads(rclone("lsjson", f":webdav:{SHARED[1:]}", env=env).check().text)
    assert (entry["Name"], entry["Size"], entry["IsDir"]) == (
        "shared.bin",
        len(SHARED_BYTES),
        False,
    )


@pytest.mark.row_partial("K23", missing="more than 1000 S3 keys: no S3 endpoint yet")
def test_a_thousand_entries_are_complete_through_every_client(
    grid, curl, davix, gfal, rclone, cadaver
):
    expected, url = sorted(wide_names()), grid.at(f"{WIDE}/")
    ask = ("-sS", "-X", "PROPFIND", "-H", "Depth: 1")
    listing = curl(*ask, url, timeout_s=QUICK_S).check().stdout
    hrefs = etree.fromstring(listing).findall("{DAV:}response/{DAV:}href")
    assert [href.text for href in hrefs][:1] == [f"{WIDE}/"]
    assert sorted((href.text or "").rpartition("/")[2] for href in hrefs[1:]) == expected
    assert sorted(davix("ls", url, timeout_s=QUICK_S).check().text.split()) == expected
    assert sorted(gfal("ls", url, timeout_s=QUICK_S).check().text.split()) == expected
    env = {"RCLONE_WEBDAV_URL": grid.url}
    listed = rclone("lsf", f":webdav:{WIDE[1:]}", env=env, timeout_s=QUICK_S).check().text
    assert sorted(listed.split()) == expected
    page = {"RCLONE_HTTP_URL": url}
    linked = rclone("lsf", ":http:", "--http-no-head", env=page, timeout_s=QUICK_S).check().text
    assert sorted(linked.split()) == expected
    said = cadaver(url, stdin=b"ls\nquit\n", timeout_s=QUICK_S).check().text
    assert sorted(re.findall(r"run-\d{4}\.dat", said)) == expected


@pytest.mark.row("K21")
def test_sizes_come_with_the_listing_and_no_client_asks_for_each(grid, davix, gfal):
    with requests_to(grid.gateway) as seen:
        davix("ls", "-l", grid.at(WIDE)).check()
        gfal("ls", "-l", grid.at("/data/")).check()
    # gfal2 asks what the collection is before it lists it
    assert seen == [
        ("PROPFIND", WIDE, 207),
        ("PROPFIND", "/data/", 207),
        ("PROPFIND", "/data/", 207),
    ]
