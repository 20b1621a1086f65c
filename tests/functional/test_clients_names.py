"""Does every legal file name survive: GET with its Location, HEAD, PROPFIND, metalinks and the HTML page?

Each storage has the whole table in a collection of its own, so a name that one of them spoils is seen.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from lxml import etree

from tests.functional import clients
from tests.functional.clients import (
    NAMES,
    Grid,
    html_links,
    propfind,
    replica_urls,
    start_storages,
    storages_of,
    write,
)
from tests.peers.bench import Bench
from tests.peers.gateway import GatewayStarter
from ugrpy.core.urls import encode_path

pytestmark = pytest.mark.functional

LEGAL: Mapping[str, str] = {
    "space": "two words",
    "several spaces": "  lead, in  the middle, at the end  ",
    "percent": "100%",
    "percent escape": "%41",
    "percent slash": "%2F",
    "percent percent": "%25",
    "broken escape": "%zz%4",
    "hash": "a#b",
    "question mark": "a?b=c",
    "ampersand": "a&b&amp;c",
    "plus": "a+b",
    "semicolon": "a;b=1",
    "colon": "12:30",
    "scheme": "http:x",
    "equals": "=a=b",
    "at": "a@b",
    "comma": "a,b",
    "double quote": 'say "so"',
    "single quote": "it's",
    "angle brackets": "<b>bold</b >".replace("/", ""),
    "backslash": "a\\b",
    "square brackets": "[1]",
    "braces": "{x}",
    "bar": "a|b",
    "caret and backtick": "a^b`c",
    "dollar and bang": "$HOME!",
    "parentheses and star": "(*)",
    "tilde": "~a",
    "dash": "-rf",
    "NFC": unicodedata.normalize("NFC", "Žluťoučký kůň"),
    "NFD": unicodedata.normalize("NFD", "Žluťoučký kůň"),
    "right to left": "\u05e9\u05dc\u05d5\u05dd",
    "CJK": "東京",
    "emoji": "😀👩‍🔬.txt",
    "zero width and BOM": "a\u200bb\ufeff",
    "C1 and line separator": "a\u0085b\u2028c",
    "leading dot": ".hidden",
    "leading dots": "..a",
    "trailing dots": "a..",
    "three dots": "...",
    "250 bytes": "n" * 250,
    "250 bytes of UTF-8": "é" * 125,
    "not UTF-8": b"latin-1 \xe9".decode("utf-8", "surrogateescape"),
}


@dataclass(frozen=True, slots=True)
class Cannot:
    """What a storage does with a name, and what is then left to the federation."""

    why: str
    served: bool = True
    listed: bool = True


HIDDEN = Cannot("dav-ext leaves out names that begin with a dot", listed=False)
CANNOT: Mapping[tuple[str, str], Cannot] = {
    ("nginx", "leading dot"): HIDDEN,
    ("nginx", "leading dots"): HIDDEN,
    ("nginx", "three dots"): HIDDEN,
    ("xrootd", "question mark"): Cannot(
        "it decodes %3F before it splits off the query: 404, whatever is asked",
        served=False,
        listed=False,
    ),
}
"""XRootD, nginx and Apache hold every other name; a name the storage spoils for its neighbours is not written at all."""

HOLDABLE = [
    (storage, kind)
    for storage in NAMES
    for kind in LEGAL
    if (storage, kind) not in CANNOT or CANNOT[storage, kind].served
]
REFUSED = {
    "newline": "a%0Ab",
    "carriage return and newline": "a%0D%0AX-Evil:%201",
    "tab": "a%09b",
    "NUL": "a%00b",
    "delete": "a%7Fb",
    "slash": "a%2Fb",
    "dot-dot": "%2E%2e",
}


def content(storage: str, kind: str) -> bytes:
    return f"{kind} on {storage}".encode()


def folder_of(storage: str) -> str:
    return f"/odd {storage} %é"


def path_of(storage: str, kind: str) -> str:
    return f"{folder_of(storage)}/{LEGAL[kind]}"


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    """The storages with every name they can hold."""
    with Bench() as bench, GatewayStarter(tmp_path_factory.mktemp("names")) as start:
        storages = start_storages(bench)
        for storage in NAMES:
            for kind in LEGAL:
                fault = CANNOT.get((storage, kind))
                if fault is None or fault.served or fault.listed:
                    write(storages[storage], path_of(storage, kind), content(storage, kind))
        for storage in (
            "nginx",
            "apache",
        ):  # XRootD tells names by lines, so it breaks such a listing itself
            for name in ("a\nb", "c\x01d", "ok"):
                write(storages[storage], f"/control {storage}/{name}", b"x")
        write(storages["xrootd"], LISTED_ONLY, b"x")
        yield Grid(start(config=clients.configuration(storages)), storages)


@pytest.mark.row("K5")
@pytest.mark.parametrize(("storage", "kind"), HOLDABLE)
def test_a_name_survives_get_head_propfind_and_metalink(grid, storage, kind):
    path = path_of(storage, kind)
    raw = encode_path(path)
    location, body = grid.follow(raw)
    assert location == grid.replica(storage, path)
    assert location.isascii()
    assert body == content(storage, kind)
    size = len(content(storage, kind))
    assert grid.ask("HEAD", raw).headers["content-length"] == str(size)
    (told,) = propfind(grid, path, "0")
    assert (told.path, told.size, told.collection) == (path, size, False)
    assert grid.follow(told.href)[1] == body
    for version in (3, 4):
        document = grid.ask("GET", f"{raw}?metalink={version}")
        assert replica_urls(document.body) == [location]
        (file,) = etree.fromstring(document.body).iter("{*}file")
        assert file.get("name") == shown(LEGAL[kind])


def shown(name: str) -> str:
    """A name as XML can hold it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def listed_kinds(storage: str) -> set[str]:
    return {kind for kind in LEGAL if (storage, kind) not in CANNOT or CANNOT[storage, kind].listed}


@pytest.mark.row("K5")
@pytest.mark.parametrize("storage", NAMES)
def test_a_listing_names_every_child_and_each_href_leads_to_it(grid, storage):
    itself, *children = propfind(grid, folder_of(storage) + "/", "1")
    assert itself.path == folder_of(storage) + "/"
    by_path = {told.path: told for told in children}
    assert len(by_path) == len(children)
    expected = {path_of(storage, kind): kind for kind in listed_kinds(storage)}
    assert by_path.keys() == expected.keys()
    for path, kind in expected.items():
        told = by_path[path]
        assert told.props["displayname"] == shown(LEGAL[kind])
        assert told.size == len(content(storage, kind))
        if (storage, kind) in HOLDABLE:
            assert grid.follow(told.href)[1] == content(storage, kind)


@pytest.mark.row("K5")
@pytest.mark.parametrize("storage", NAMES)
def test_the_page_links_every_child(grid, storage):
    links = html_links(grid, folder_of(storage) + "/")
    links.pop("/", None)  # the way up
    expected = {path_of(storage, kind): kind for kind in listed_kinds(storage)}
    assert links.keys() == expected.keys()
    for path, kind in expected.items():
        # a control character of the second block is legal, and shown as what it is: nothing to be seen
        assert links[path] == shown(LEGAL[kind]).replace("\u0085", "\ufffd")
        if (storage, kind) in HOLDABLE:
            assert grid.follow(encode_path(path))[1] == content(storage, kind)


@pytest.mark.row("K5")
@pytest.mark.parametrize("storage", NAMES)
def test_curl_follows_to_every_name(grid, curl, storage):
    kinds = [kind for where, kind in HOLDABLE if where == storage]
    urls = [grid.at(path_of(storage, kind)) for kind in kinds]
    done = curl("-sSLg", "--path-as-is", *urls).check()
    assert done.stdout == b"".join(content(storage, kind) for kind in kinds)


@pytest.mark.row("K5")
@pytest.mark.parametrize(("storage", "kind"), CANNOT)
def test_what_a_storage_cannot_hold_is_still_so(grid, storage, kind):
    """When one of these fails the storage has learnt it: take the line out of the table."""
    fault = CANNOT[storage, kind]
    assert fault.why
    answer = grid.ask("GET", encode_path(path_of(storage, kind)))
    assert answer.status == (302 if fault.served else 404)
    if fault.served or fault.listed:
        listed = {told.path for told in propfind(grid, folder_of(storage) + "/", "1")}
        assert (path_of(storage, kind) in listed) == fault.listed


LISTED_ONLY = "/listed only/a?b=c"


def test_what_xrootd_lists_and_does_not_find_is_listed_until_somebody_asks_for_it(grid):
    """Its two answers contradict each other, and the later one counts."""
    assert LISTED_ONLY in [told.path for told in propfind(grid, "/listed only/", "1")]
    assert grid.ask("GET", encode_path(LISTED_ONLY)).status == 404
    assert LISTED_ONLY not in [told.path for told in propfind(grid, "/listed only/", "1")]


@pytest.mark.row("K5")
@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND"])
def test_what_cannot_be_a_name_is_refused(grid, method, kind):
    raw = encode_path(folder_of("nginx")) + "/" + REFUSED[kind]
    answer = grid.ask(method, raw, headers={"Depth": "0"})
    assert answer.status == 400
    assert "x-evil" not in answer.headers
    assert "location" not in answer.headers


@pytest.mark.parametrize("storage", ["nginx", "apache"])
def test_a_name_that_cannot_be_asked_for_does_not_spoil_the_listing(grid, storage):
    folder = f"/control {storage}/"
    itself, *children = propfind(grid, folder, "1")
    assert itself.path == folder
    assert [told.path for told in children if told.path.endswith("/ok")] == [f"{folder}ok"]
    assert grid.follow(encode_path(f"{folder}ok"))[1] == b"x"
    for told in children:
        if not told.path.endswith("/ok"):
            assert grid.ask("GET", told.href).status == 400
    assert f"{folder}ok" in html_links(grid, folder)


@pytest.mark.row("K6")
@pytest.mark.parametrize("storage", NAMES)
def test_every_spelling_of_an_escape_means_the_same_name(grid, storage):
    for kind in ("NFC", "percent escape", "plus", "hash", "backslash"):
        path = path_of(storage, kind)
        everything = "/".join(
            "".join(f"%{octet:02x}" for octet in part.encode()) for part in path.split("/")
        )
        for raw in (encode_path(path), everything, everything.upper()):
            assert grid.follow(raw) == (grid.replica(storage, path), content(storage, kind))
            assert grid.ask("HEAD", raw).status == 200
            told = clients.multistatus(grid.ask("PROPFIND", raw, headers={"Depth": "0"}))
            assert [one.href for one in told] == [encode_path(path)]


@pytest.mark.row("K6")
@pytest.mark.parametrize("storage", NAMES)
def test_a_plus_is_a_plus(grid, storage):
    folder = encode_path(folder_of(storage))
    for raw in ("a+b", "a%2Bb", "a%2bb"):
        assert grid.follow(f"{folder}/{raw}")[1] == content(storage, "plus")
    assert grid.ask("GET", f"{folder}/two+words").status == 404
    assert grid.ask("GET", f"{folder}/a%20b").status == 404
    assert grid.follow(f"{folder}/two%20words")[1] == content(storage, "space")


@pytest.mark.row("K6")
@pytest.mark.parametrize("storage", NAMES)
def test_an_escape_is_decoded_once(grid, storage):
    folder = encode_path(folder_of(storage))
    assert grid.follow(f"{folder}/%2541")[1] == content(storage, "percent escape")
    assert grid.follow(f"{folder}/%252F")[1] == content(storage, "percent slash")
    assert grid.follow(f"{folder}/%2525")[1] == content(storage, "percent percent")
    assert grid.ask("GET", f"{folder}/A").status == 404
    assert grid.ask("GET", f"{folder}/%41").status == 404


def test_composed_and_decomposed_names_stay_two(grid):
    assert LEGAL["NFC"] != LEGAL["NFD"]
    for storage in NAMES:
        for kind in ("NFC", "NFD"):
            assert grid.follow(encode_path(path_of(storage, kind)))[1] == content(storage, kind)


def test_a_storage_in_a_metalink_is_the_holder(grid):
    for storage in NAMES:
        document = grid.ask("GET", encode_path(path_of(storage, "emoji")) + "?metalink=4")
        assert storages_of(grid, replica_urls(document.body)) == [storage]


CLIENT_KINDS = ["space", "percent escape", "hash", "ampersand", "plus", "NFC", "emoji"]


@pytest.mark.parametrize("storage", NAMES)
def test_davix_and_gfal_read_odd_names(grid, davix, gfal, storage):
    for kind in CLIENT_KINDS:
        url = grid.at(path_of(storage, kind))
        assert davix("get", url).check().stdout == content(storage, kind)
    # gfal2 keeps a process of about 0.2 s busy: one of them is enough for each storage
    url = grid.at(path_of(storage, "percent escape"))
    assert gfal("cat", url).check().stdout == content(storage, "percent escape")


# davix keeps names in a struct dirent, of which it fills 254 characters, and prints them as they stand in a path-only
# href, that is percent-encoded. Full URLs would be decoded, but Rucio reads path-only hrefs.
DIRENT_NAME_CHARS = 254


@pytest.mark.parametrize("storage", NAMES)
def test_davix_ls_and_gfal_ls_print_every_name(grid, davix, gfal, storage):
    expected = {encode_path(LEGAL[kind])[:DIRENT_NAME_CHARS] for kind in listed_kinds(storage)}
    url = grid.at(folder_of(storage)) + "/"
    assert set(davix("ls", url).check().text.splitlines()) == expected
    assert set(gfal("ls", "-a", url).check().text.splitlines()) == expected
    dotless = {name for name in expected if not name.startswith(".")}
    assert set(gfal("ls", url).check().text.splitlines()) == dotless


@pytest.mark.parametrize("storage", NAMES)
def test_rclone_lists_and_copies_every_name(grid, rclone, storage, tmp_path):
    env = {"RCLONE_WEBDAV_URL": grid.at(folder_of(storage)), "RCLONE_WEBDAV_ENCODING": "None"}
    options = ("--local-encoding", "None", "--no-unicode-normalization", "--retries", "1")
    copy = tmp_path / "copy"
    done = rclone("copy", ":webdav:", str(copy), *options, env=env)
    kinds = {kind for kind in listed_kinds(storage) if (storage, kind) in HOLDABLE}
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
        LEGAL[kind]: content(storage, kind) for kind in kinds
    }
    assert (done.code == 0) == (kinds == listed_kinds(storage)), done.errors


@pytest.mark.parametrize("storage", NAMES)
def test_rclone_reads_the_page(grid, rclone, storage):
    env = {"RCLONE_HTTP_URL": grid.at(folder_of(storage)) + "/"}
    listed = rclone("lsf", ":http:", "--http-no-head", env=env).check()
    # a line feed cannot be in a name, so lines are names
    assert set(listed.stdout.decode("utf-8", "surrogateescape").split("\n")) - {""} == {
        LEGAL[kind] for kind in listed_kinds(storage)
    }
