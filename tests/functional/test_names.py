"""Does every legal name come through in every place, when prefixes, mounts and base URLs are odd, too?

One gateway over nginx, Apache, XRootD and a storage element of ours, all of which hold the same names where they can. What
real clients make of odd names is in ``test_clients_names``.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.functional import clients
from tests.functional.clients import MTIME_S, ask_from, multistatus
from tests.functional.helpers.answers import (
    duplicates,
    links_of,
    parse_metalink3,
    parse_metalink4,
)
from tests.functional.helpers.asking import Wire, health_of
from tests.functional.helpers.settings import QUIET, configuration
from tests.peers.ask import Answer
from tests.peers.bench import Bench
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer
from ugrpy.core.urls import decode_path, encode_path
from ugrpy.testing import FileNode, StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

NAMES: Mapping[str, str] = {
    "space": "two  words",
    "blanks only": "   ",
    "blank at the end": "end ",
    "dot at the end": "end.",
    "leading dot": ".hidden",
    "dots and more": "..a",
    "no-break space": "a\u00a0b",
    "plus": "a+b%2Bc",
    "percent": "50%",
    "percent alone": "%",
    "escaped space as text": "a%20b",
    "escaped dots as text": "%2e%2e",
    "escaped slash as text": "a%2Fb",
    "escaped NUL as text": "a%00b",
    "escaped line ends as text": "%0d%0aX-Evil: 1",
    "escape of an escape": "%252525",
    "hash": "#top",
    "question mark": "a?metalink=4&b",
    "question mark at the end": "what?",
    "ampersand": "a&amp;b&",
    "entities": "&lt;&#60;&bogus;",
    "markup": "\"'><script>alert(1)<b>",
    "end of CDATA": "]]>",
    "link parameters": 'a>; rel="x", <b',
    "semicolon": ";jsessionid=1",
    "equals and comma": "=,=",
    "at and colon": "user@host:80",
    "scheme": "http:evil.example",
    "drive": "C:",
    "backslashes": "..\\..\\x",
    "brackets": "[::1]{x}(*)",
    "bar, caret, backtick": "|^`id`",
    "templates": "{{7*7}}${HOME}",
    "tilde": "~root",
    "dash": "-rf",
    "metalink suffix": "a.meta4",
    "composed": unicodedata.normalize("NFC", "Ångström é"),
    "decomposed": unicodedata.normalize("NFD", "Ångström é"),
    "Hangul decomposed": unicodedata.normalize("NFD", "한글"),
    "combining alone": "\u0301",
    "right to left": "שלום (عربى)",
    "direction override": "a\u202egpj.exe",
    "joined emoji": "👩‍🔬🏳️‍🌈",
    "private use": "\ue000\U0010fffd",
    "255 bytes": "n" * 255,
    "255 bytes of UTF-8": "é" * 127 + "n",
}

PREFIX = "/féd [1] %41;x"
INNER = "/inner #?&"
MOUNT = "/where + it=lies"
TARGET = "/stored, at @home"
BASE = "/dav's {root} ü"
OUTSIDE = b"lies beside the mount\n"

STORAGES = ("nginx", "apache", "xrootd", "element")
ADDRESSES = {"nginx": "127.0.3.11", "apache": "127.0.3.12", "xrootd": "127.0.3.13"}


def holds(storage: str, name: str) -> bool:
    """XRootD decodes ``%3F`` before it looks for the query."""
    return storage != "xrootd" or "?" not in name


# XRootD 5.5.3 serves a name of 255 bytes, and lists the first 254 of them: a name that is not there.
CUT_BY_XROOTD = {
    name.encode()[:254].decode() for name in NAMES.values() if len(name.encode()) == 255
}


def check_listed(names: list[str]) -> None:
    """Every name, each once, and nothing that no storage says."""
    assert len(names) == len(set(names))
    assert set(NAMES.values()) <= set(names) <= {*NAMES.values(), *CUT_BY_XROOTD}


def external(rest: str) -> str:
    """The path that clients use."""
    return PREFIX + MOUNT + rest


def remote(rest: str) -> str:
    """The path on every storage."""
    return BASE + TARGET + rest


# 3,800 and 2,400 bytes; the latter are 7,200 when encoded, and 8,190 is the most nginx and Apache read in a line
DEEP = "/" + "/".join(f"{number:02}" + "d" * 188 for number in range(20))
DEEP_UTF8 = "/" + "/".join(f"{number:02}" + "é" * 98 for number in range(12))


@dataclass(frozen=True, slots=True)
class Scene:
    """The gateway with what is behind it."""

    gateway: Gateway
    servers: Mapping[str, PeerServer]
    element: StorageElement

    def ask(self, method: str, raw: str, **headers: str) -> Answer:
        """One request for a raw target; underscores in header names are hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask_from("127.0.0.1", method, self.gateway.url + raw, named)

    def urls(self, rest: str) -> dict[str, str]:
        """Where the file lies: storage by URL."""
        name = rest.rpartition("/")[2]
        bases = {one: server.url for one, server in self.servers.items()}
        bases["element"] = self.element.base_url
        return {
            bases[storage] + encode_path(remote(rest)): storage
            for storage in STORAGES
            if holds(storage, name)
        }

    def fetch(self, url: str) -> bytes:
        """What a storage gives."""
        answer = ask_from("127.0.0.1", "GET", url, {})
        assert answer.status == 200, (url, answer)
        return answer.body


def content(rest: str) -> bytes:
    return b"held: " + rest.encode("utf-8", "surrogateescape")


def all_files() -> list[str]:
    return [
        *(f"/names/{name}" for name in NAMES.values()),
        *(f"/dirs/{name}/f" for name in NAMES.values()),
        f"{DEEP}/f",
        f"{DEEP_UTF8}/f",
    ]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The storages with every name they can hold, below odd mounts."""
    element = StorageElement(
        Tree({remote(rest): FileNode(content(rest), MTIME_S) for rest in all_files()})
    )
    element.tree.add_file("/secret", OUTSIDE)
    element.tree.add_file(f"{BASE}/secret", OUTSIDE)
    with ExitStack() as stack:
        bench = stack.enter_context(Bench())
        start = stack.enter_context(GatewayStarter(tmp_path_factory.mktemp("names")))
        stack.enter_context(in_thread(element))
        servers = {
            "nginx": bench.nginx_dav(ADDRESSES["nginx"]),
            "apache": bench.apache_dav(ADDRESSES["apache"]),
            "xrootd": bench.xrootd_http(ADDRESSES["xrootd"]),
        }
        for storage, server in servers.items():
            for rest in all_files():
                if holds(storage, rest):
                    clients.write(server, remote(rest), content(rest))
            server.write("/secret", OUTSIDE)
            server.write(f"{BASE}/secret", OUTSIDE)
        bases = {**{name: one.url for name, one in servers.items()}, "element": element.base_url}
        text = configuration(
            {
                name: {
                    "url": url + encode_path(BASE),
                    "mounts": [f"{INNER}{MOUNT} = {TARGET}"],
                    **QUIET,
                }
                for name, url in bases.items()
            },
            federation={"prefixes": [PREFIX, "/plain"], "new_prefix": INNER},
        )
        yield Scene(start(config=text), servers, element)


DISPOSITION = re.compile(r"attachment; filename=\"([ -!#-\[\]-~]*)\"(?:; filename\*=UTF-8''(.*))?")


def download_name(answer: Answer) -> str:
    """The name under which a browser saves the answer (RFC 6266)."""
    match = DISPOSITION.fullmatch(answer.headers["content-disposition"])
    assert match, answer.headers["content-disposition"]
    return match[1] if match[2] is None else decode_path(match[2])


@pytest.mark.row("K5")
@pytest.mark.parametrize("kind", NAMES)
def test_a_file_is_the_same_in_every_place(scene, kind):
    name = NAMES[kind]
    rest = f"/names/{name}"
    raw, urls = encode_path(external(rest)), scene.urls(rest)

    document = scene.ask("GET", f"{raw}?metalink=4")
    told = parse_metalink4(document.body)
    assert (told.name, told.size_bytes) == (name, len(content(rest)))
    assert set(told.urls) == set(urls)
    assert download_name(document) == f"{name}.meta4"
    older = scene.ask("GET", f"{raw}?metalink=3")
    assert parse_metalink3(older.body).name == name
    assert set(parse_metalink3(older.body).urls) == set(urls)
    assert download_name(older) == f"{name}.metalink"

    redirect = scene.ask("GET", raw, Accept="*/*, application/metalink4+xml;q=0.1")
    assert redirect.status == 302
    assert set(duplicates(redirect)) == set(urls)
    assert redirect.headers["location"] == duplicates(redirect)[0]
    described = re.search(r"<([^>]*)>; rel=describedby", redirect.headers["link"])
    assert described
    assert parse_metalink4(scene.ask("GET", described[1]).body).urls
    for url in urls:
        assert scene.fetch(url) == content(rest)

    head = scene.ask("HEAD", raw)
    assert (head.status, head.headers["content-length"]) == (200, str(len(content(rest))))

    for depth in ("0", "1"):
        (one,) = multistatus(scene.ask("PROPFIND", raw, Depth=depth))
        assert (one.path, one.props["displayname"], one.collection) == (external(rest), name, False)
        assert one.size == len(content(rest))
        again = scene.ask("GET", one.href)
        assert again.headers["location"] in urls


@pytest.mark.row("K5")
def test_a_listing_has_every_name_once_and_its_hrefs_work_as_they_are(scene):
    raw = encode_path(external("/names")) + "/"
    itself, *children = multistatus(scene.ask("PROPFIND", raw, Depth="1"))
    assert (itself.path, itself.collection) == (external("/names/"), True)
    assert itself.href == raw
    names = [one.path.removeprefix(external("/names/")) for one in children]
    check_listed(names)
    for name, one in zip(names, children, strict=True):
        assert one.props["displayname"] == name
        assert scene.ask("HEAD", one.href).status == (404 if name in CUT_BY_XROOTD else 200)


@pytest.mark.row("K5")
def test_a_page_has_every_name_and_its_links_work_as_they_are(scene):
    raw = encode_path(external("/names")) + "/"
    links = links_of(scene.ask("GET", raw, Accept="text/html").text)
    children = [(href, text) for href, text in links if href.startswith(raw) and "?" not in href]
    check_listed([text for _, text in children])
    for href, text in children:
        assert decode_path(href) == external(f"/names/{text}")
        assert scene.ask("GET", href).status == (404 if text in CUT_BY_XROOTD else 302)
    metalinks = [href for href, text in links if text == "metalink"]
    assert len(metalinks) == len(children)
    answered = [scene.ask("GET", href).status for href in metalinks]
    assert answered.count(200) == len(NAMES)
    crumbs = [href for href, text in links if text.endswith("/") and href not in dict(children)]
    for href in crumbs:
        assert scene.ask("GET", href).status == 200


@pytest.mark.row("K5")
@pytest.mark.parametrize("kind", NAMES)
def test_a_collection_is_the_same_in_every_place(scene, kind):
    rest = f"/dirs/{NAMES[kind]}"
    raw = encode_path(external(rest))
    for method in ("GET", "HEAD"):
        for query in ("", "?sort=size&x=%0d%0aX-Evil:%201&y=%2F?"):
            moved = scene.ask(method, raw + query)
            assert (moved.status, moved.headers["location"]) == (302, f"{raw}/{query}")
            assert "x-evil" not in moved.headers
    page = scene.ask("GET", f"{raw}/")
    assert page.status == 200
    assert f"<caption>Contents of {escaped(external(rest))}/</caption>" in page.text
    child = None
    for slash in ("", "/"):
        (itself,) = multistatus(scene.ask("PROPFIND", raw + slash, Depth="0"))
        assert (itself.href, itself.collection) == (f"{raw}/", True)
        assert itself.props["displayname"] == NAMES[kind]
        itself, child = multistatus(scene.ask("PROPFIND", raw + slash, Depth="1"))
        assert (itself.href, child.href) == (f"{raw}/", f"{raw}/f")
    assert child is not None
    assert scene.fetch(scene.ask("GET", child.href).headers["location"]) == content(f"{rest}/f")


def escaped(text: str) -> str:
    for char, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;")):  # fmt: skip
        text = text.replace(char, entity)
    return text


def test_the_other_prefix_and_the_way_down_to_the_mount_lead_there_too(scene):
    raw = "/plain" + encode_path(f"{MOUNT}/names/two  words")
    assert scene.ask("GET", raw).headers["location"] in scene.urls("/names/two  words")
    for above, below in ((PREFIX, MOUNT), ("/plain", MOUNT), ("", PREFIX)):
        told = multistatus(scene.ask("PROPFIND", encode_path(above) + "/", Depth="1"))
        assert encode_path(above + below) + "/" in [one.href for one in told]
        moved = scene.ask("GET", encode_path(above + below))
        assert moved.headers["location"] == encode_path(above + below) + "/"


@pytest.mark.row("K5")
@pytest.mark.parametrize("deep", [DEEP, DEEP_UTF8], ids=["3800 bytes", "2400 bytes of UTF-8"])
def test_a_path_of_nearly_4_kb_is_like_any_other(scene, deep):
    rest = f"{deep}/f"
    raw, urls = encode_path(external(rest)), scene.urls(rest)
    assert set(parse_metalink4(scene.ask("GET", f"{raw}?metalink=4").body).urls) == set(urls)
    assert set(parse_metalink3(scene.ask("GET", f"{raw}?metalink=3").body).urls) == set(urls)
    asked = dict(scene.element.counts)
    redirect = scene.ask("GET", raw)
    assert scene.element.counts == asked, "it was remembered"
    assert scene.fetch(redirect.headers["location"]) == content(rest)
    assert scene.ask("HEAD", raw).headers["content-length"] == str(len(content(rest)))
    (one,) = multistatus(scene.ask("PROPFIND", raw, Depth="0"))
    assert one.path == external(rest)
    above = raw.removesuffix("/f")
    assert scene.ask("GET", above).headers["location"] == f"{above}/"
    itself, child = multistatus(scene.ask("PROPFIND", above, Depth="1"))
    assert (itself.href, child.href) == (f"{above}/", raw)
    assert f'href="{raw.replace("&", "&amp;")}"' in scene.ask("GET", f"{above}/").text


# -- spellings -------------------------------------------------------------------------------------


def spellings(path: str) -> list[str]:
    """A path encoded as little as may be, as usual, wholly, and wholly in lower case."""
    encoded = encode_path(path)
    parts = path.encode("utf-8", "surrogateescape").split(b"/")
    everything = "/".join("".join(f"%{octet:02X}" for octet in part) for part in parts)
    unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"
    strict = "".join(c if c in unreserved or c == "%" else f"%{ord(c):02X}" for c in encoded)
    return [encoded, strict, everything, everything.lower()]


@pytest.mark.row("K6")
@pytest.mark.parametrize("kind", ["space", "plus", "composed", "semicolon", "escape of an escape"])
def test_equivalent_escapes_are_the_same_name_for_every_method(scene, kind):
    rest = f"/names/{NAMES[kind]}"
    urls = scene.urls(rest)
    for raw in spellings(external(rest)):
        assert scene.ask("GET", raw).headers["location"] in urls
        assert scene.ask("HEAD", raw).status == 200
        assert set(parse_metalink4(scene.ask("GET", f"{raw}?metalink=4").body).urls) == set(urls)
        (one,) = multistatus(scene.ask("PROPFIND", raw, Depth="0"))
        assert one.href == encode_path(external(rest))
    for raw in spellings(external("/names")):
        told = multistatus(scene.ask("PROPFIND", f"{raw}/", Depth="1"))
        assert encode_path(external(rest)) in [one.href for one in told]


def test_composed_and_decomposed_names_are_two(scene):
    composed, decomposed = (f"/names/{NAMES[kind]}" for kind in ("composed", "decomposed"))
    assert set(scene.urls(composed)).isdisjoint(scene.urls(decomposed))
    for rest in (composed, decomposed):
        location = scene.ask("GET", encode_path(external(rest))).headers["location"]
        assert scene.fetch(location) == content(rest)


# -- attacks ---------------------------------------------------------------------------------------

START = encode_path(external("/names/"))
CLIMBS = [
    "..", "../", "../../secret", "..%2f..%2fsecret", "%2e%2e/%2e%2e/secret", "%2E%2E/secret", ".%2e/secret", "%2e./secret",
    "..//secret", ".././secret", "./../secret", "x/../../secret", "x/..", "%2e%2e%2fsecret", "..%5c..%5csecret", "..\\..\\secret",
    "..%00/secret", "..;/secret", "%252e%252e/secret", "%c0%ae%c0%ae/secret", "%e0%80%ae%e0%80%ae/secret", "..%c0%afsecret",
    "%u002e%u002e/secret", "..%ef%bc%8fsecret", "....//secret", "..%0d/secret", "..%20/secret",
]  # fmt: skip
INJECTIONS = [
    "a%0d%0aX-Evil:%201", "a%0aX-Evil:%201", "a%0dX-Evil:%201", "%0d%0a%0d%0a<html>", "a%00.txt", "%00", "a%7f", "a%1b[31m",
    "a%09b", "a%0b", "%e5%98%8a%e5%98%8dX-Evil:%201", "a?x=%0d%0aX-Evil:%201",
]  # fmt: skip
RAW_INJECTIONS = [b"a\rX-Evil: 1", b"a\nX-Evil: 1", b"a\0b", b"a\x7f", b"a\x1b[31m", b"a\x0bb", b"a b", b"a\tb"]  # fmt: skip
READING = ("GET", "HEAD", "PROPFIND", "OPTIONS")


class RawWire(Wire):
    """A connection whose answer is looked at as it is."""

    def rest(self) -> bytes:
        """All that comes until the gateway closes the connection."""
        return self._file.read()


def sent_raw(scene: Scene, method: str, target: bytes) -> tuple[int, bytes]:
    """The status and all bytes of the answer to a request line that is sent as it is."""
    with RawWire(scene.gateway) as wire:
        wire.send(method.encode() + b" " + target + b" HTTP/1.1\r\nHost: g\r\nDepth: 0\r\nConnection: close\r\n\r\n")  # fmt: skip
        received = wire.rest()
    head = received.partition(b"\r\n")[0].split()
    assert head[0].startswith(b"HTTP/1."), received
    return int(head[1]), received


def check_harmless(scene: Scene, received: bytes) -> None:
    head, _, body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        assert not line.lower().startswith(b"x-evil"), received
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line), received
    assert OUTSIDE not in body


@pytest.mark.row("K9")
@pytest.mark.parametrize("method", READING)
def test_no_spelling_climbs_out_of_the_mount(scene, method):
    before = scene.element.counts.copy()
    for climb in CLIMBS:
        for base in (START, START.rstrip("/"), encode_path(PREFIX) + "/", "/"):
            status, received = sent_raw(scene, method, (base + climb).encode())
            check_harmless(scene, received)
            if method != "OPTIONS":
                assert status in (400, 404), (base, climb, received)
            assert b"\r\nLocation:" not in received or b"/secret" not in received
    for _, path in scene.element.counts - before:
        assert path.startswith(BASE + TARGET + "/"), path
        assert not {".", ".."} & set(path.split("/"))


@pytest.mark.row("K9")
@pytest.mark.parametrize("method", READING)
def test_nothing_in_a_name_gets_into_a_header(scene, method):
    targets = [START.encode() + one.encode() for one in INJECTIONS]
    targets += [START.encode() + one for one in RAW_INJECTIONS]
    for target in targets:
        status, received = sent_raw(scene, method, target)
        check_harmless(scene, received)
        # 505: what follows a line end is no version of HTTP
        assert 400 <= status < 500 or status == 505 or method == "OPTIONS", (target, received)


@pytest.mark.row("K9")
def test_what_the_storage_names_does_not_get_into_a_header(scene):
    """A name with line ends in it is listed by a storage that has one, and can be asked for by nobody."""
    folder, evil = remote("/evil"), "a\r\nX-Evil: 1\r\n\r\n<script>"
    scene.element.tree.add_file(f"{folder}/{evil}", b"1")
    scene.element.tree.add_file(f"{folder}/ok", b"1")
    raw = encode_path(external("/evil"))
    for method, target in (("PROPFIND", raw), ("GET", f"{raw}/"), ("HEAD", f"{raw}/")):
        with RawWire(scene.gateway) as wire:
            wire.send(f"{method} {target} HTTP/1.1\r\nHost: g\r\nDepth: 1\r\nConnection: close\r\n\r\n".encode())  # fmt: skip
            check_harmless(scene, received := wire.rest())
            assert b"<script>" not in received
    told = multistatus(scene.ask("PROPFIND", raw, Depth="1"))
    assert f"{raw}/ok" in [one.href for one in told]
    for one in told[1:]:
        assert scene.ask("GET", one.href).status == (302 if one.href == f"{raw}/ok" else 400)


@pytest.mark.row("K6")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND"])
def test_an_encoded_slash_is_no_separator(scene, method):
    inside = encode_path(external("/names"))
    for raw in (f"{inside}%2Fend.", f"{inside}%2fend.", f"{inside}/a%2fb", "/plain%2f", "%2F"):
        assert scene.ask(method, "/" + raw.lstrip("/"), Depth="0").status == 400


OVERLONG = [
    "n" * 256,
    "é" * 128,
    "/".join(["n" * 255] * 20),
    "x/" * 4000 + "f",
    "é" * 1500,
    "%2b" * 4000,
]


@pytest.mark.row("K11")
def test_names_that_nobody_can_hold_are_absent_and_no_storage_is_blamed_for_them(scene):
    """A name may be too long for a storage, which says so with 400, 403, 404, 414 or 500, as it likes."""
    for _ in range(2):
        for number, name in enumerate(OVERLONG):
            for folder in ("", "/names", f"/nowhere-{number}"):
                raw = encode_path(external(f"{folder}/")) + encode_path(name).replace(
                    "%252b", "%2b"
                )
                for method in ("GET", "HEAD", "PROPFIND"):
                    assert scene.ask(method, raw, Depth="0").status == 404, (method, raw[:200])
                assert scene.ask("PROPFIND", raw, Depth="1").status == 404, raw[:200]
    for length in (14_000, 40_000):
        assert scene.ask("GET", START + "n" * length).status in (400, 414)
    for storage in STORAGES:
        assert health_of(scene.gateway, storage)["in_service"] is True
    assert set(duplicates(scene.ask("GET", START + "end."))) == set(scene.urls("/names/end."))
