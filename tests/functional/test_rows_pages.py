"""Pages and hrefs under hostile names: escaped, and every link leads where it says (rows K31, K58)."""

import re
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest
from lxml import etree

from tests.functional.helpers.answers import Listed, parse_multistatus, propfind
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import MTIME_S, elements
from tests.peers.ask import Answer, ask
from tests.peers.gateway import GatewayStarter
from ugrpy.core.urls import decode_path, encode_path
from ugrpy.testing import Faults, FileNode, Tree

pytestmark = pytest.mark.functional

HOSTILE = [
    "<b>&\"'%41 #?;.html",
    "<script>alert(1)<\\script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "javascript:alert(1)",
    "data:text,x",
    "http:x",
    "&lt;b&gt;&amp;&#60;",
    "<!-- -->",
    "]]>",
    "{{ 7 * 7 }}{% raw %}",
    "?metalink",
    "?sort=size",
    "#fragment",
    "%2e%2e",
    "%00",
    "%",
    "a+b",
    "a;b=1",
    "a\\b",
    "=cmd",
    "..dots",
    "...",
    " leading and trailing ",
    "two  spaces",
    "\u202eevil\u202c",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0645\u0631\u062d\u0628\u0627.txt",
    "e\u0301 and \u00e9",
    "\U0001f600\u200d\U0001f52c",
    "\ufeffbom",
    "\u2028line\u2029paragraph",
    "nel\u0085c1\u009b",
    b"latin-1 \xe9\xff".decode("utf-8", "surrogateescape"),
    "n" * 250,
]
COLLECTION_END = " (collection)"


def content(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape") * 3


def shown(name: str) -> str:
    """A name as a page can show it: what HTML has no place for is replaced."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return re.sub("[\x00-\x1f\x7f-\x9f]", "\ufffd", text)


@pytest.fixture(scope="module")
def storage():
    """Every hostile name as a file and as a collection, which holds them all again."""
    tree = Tree()
    for name in HOSTILE:
        tree.add_file(f"/odd/{name}", FileNode(content(name), MTIME_S))
        folder = f"/odd/{name[:200]}{COLLECTION_END}"
        tree.add_file(f"{folder}/{name}", FileNode(content(name), MTIME_S))
        tree.add_collection(f"{folder}/{name[:200]}{COLLECTION_END}")
    plain = Tree()
    for number in range(len(HOSTILE)):
        plain.add_file(f"/plain/file-{number}", FileNode(b"x", MTIME_S))
        plain.add_collection(f"/plain/folder-{number}")
    with elements({"odd": tree, "plain": plain}) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(storage, tmp_path_factory):
    tables = {name: {"url": element.base_url, **QUIET} for name, element in storage.items()}
    with GatewayStarter(tmp_path_factory.mktemp("pages")) as start:
        yield start(config=configuration(tables, health=NEVER_EJECT))


# -- the page ------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser makes of a page: tags with the names of their attributes, links with their text."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.shapes: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.links: list[tuple[str, str]] = []
        self._href: str | None = None
        self._text = ""
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        self.feed(answer.body.decode("utf-8", "strict"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shapes[tag, tuple(sorted(name for name, _ in attrs))] += 1
        if tag == "a":
            self._href, self._text = dict(attrs)["href"], ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href is not None:
            self.links.append((self._href, self._text))
            self._href = None


def lxml_links(answer: Answer) -> list[tuple[str, str]]:
    """The links as libxml2 reads the page."""
    root = etree.fromstring(answer.body, etree.HTMLParser(encoding="utf-8"))
    return [
        (anchor.get("href") or "", "".join(str(text) for text in anchor.itertext()))
        for anchor in root.iter("a")
    ]


@pytest.fixture(scope="module")
def odd_page(gateway):
    return ask("GET", f"{gateway.url}/odd/")


@pytest.mark.row("K58")
def test_hostile_names_add_no_element_and_no_attribute(gateway, odd_page):
    """As many of each as on a page of as many harmless names: nothing a name says was taken for markup."""
    odd, plain = Page(odd_page), Page(ask("GET", f"{gateway.url}/plain/"))
    assert odd.shapes == plain.shapes
    assert len(odd.links) == len(plain.links)
    policy = odd_page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.row("K58")
def test_the_page_is_utf8_without_controls(odd_page):
    text = odd_page.body.decode("utf-8", "strict")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffe\uffff]", text)
    assert '<meta charset="utf-8">' in text


@pytest.mark.row("K58")
@pytest.mark.parametrize("reader", ["html.parser", "lxml"])
def test_every_name_stands_on_the_page_as_it_is(odd_page, reader):
    links = Page(odd_page).links if reader == "html.parser" else lxml_links(odd_page)
    names = [text for href, text in links if href.startswith("/odd/") and "?" not in href]
    expected = [shown(name) for name in HOSTILE]
    expected += [f"{shown(name[:200])}{COLLECTION_END}/" for name in HOSTILE]
    assert sorted(names) == sorted(expected)


@pytest.mark.row("K58")
@pytest.mark.parametrize("reader", ["html.parser", "lxml"])
def test_every_link_of_the_page_resolves(gateway, storage, odd_page, reader):
    """Children, the way up, metalinks and orders: resolved against the page's address, as a browser does."""
    links = Page(odd_page).links if reader == "html.parser" else lxml_links(odd_page)
    base = f"{gateway.url}/odd/"
    files = collections = metalinks = 0
    for href, text in links:
        target = urljoin(base, href)
        assert target.startswith(f"{gateway.url}/"), href
        answer = ask("GET", target)
        if text == "metalink":
            assert answer.headers["content-type"] == "application/metalink+xml"
            metalinks += 1
        elif answer.status == 302:
            location = answer.headers["location"]
            name = decode_path(urlsplit(target).path)
            assert location == storage["odd"].base_url + encode_path(name)
            raw_name = unquote_to_bytes(urlsplit(target).path.removeprefix("/odd/"))
            assert ask("GET", location).body == raw_name * 3
            files += 1
        else:
            assert answer.status == 200
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            collections += text.endswith("/") and href.startswith("/odd/")
    assert (files, metalinks, collections) == (len(HOSTILE),) * 3


@pytest.mark.row("K58")
def test_a_name_that_no_request_can_mean_is_shown_without_a_link(gateway, storage):
    """A storage may hold such names; a link to one would lead to 400."""
    tree = storage["plain"].tree
    for name in ("a\nb", "c\x01d", "e\x7ff", "fine"):
        tree.add_file(f"/controls/{name}", FileNode(b"x", MTIME_S))
        tree.add_collection(f"/controls/{name} {COLLECTION_END}")
    answer = ask("GET", f"{gateway.url}/controls/")
    page = Page(answer)
    assert [text for _, text in page.links if text == "metalink"] == ["metalink"]
    for href, _ in page.links:
        assert ask("GET", urljoin(f"{gateway.url}/controls/", href)).status in (200, 302)
    for name in ("a\ufffdb", "c\ufffdd", "e\ufffdf"):
        assert answer.text.count(f'<td class="f">{name}') == 2
    assert '<a href="/controls/fine">fine</a>' in answer.text


@pytest.mark.row("K58")
def test_collections_end_in_a_slash_and_files_do_not(odd_page):
    for href, text in Page(odd_page).links:
        if href.startswith("/odd/") and "?" not in href:
            is_collection = text.endswith(f"{COLLECTION_END}/")
            assert href.endswith("/") == is_collection
            assert text.endswith("/") == is_collection


@pytest.mark.row("K58")
@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: encode_path(name)[:30])
def test_the_page_of_a_collection_with_a_hostile_name(gateway, name):
    folder = f"/odd/{name[:200]}{COLLECTION_END}/"
    answer = ask("GET", gateway.url + encode_path(folder))
    page = Page(answer)
    assert not {tag for tag, _ in page.shapes} & {"script", "img", "b"}
    assert not {
        attribute for _, names in page.shapes for attribute in names if attribute[:2] == "on"
    }
    for href, text in page.links:
        target = urljoin(gateway.url + encode_path(folder), href)
        assert ask("GET", target).status in (200, 302), (href, text)
    paths = [decode_path(href) for href, _ in page.links if "?" not in href]
    assert sorted(path for path in paths if path.startswith(folder) and path != folder) == sorted(
        [f"{folder}{name}", f"{folder}{name[:200]}{COLLECTION_END}/"]
    )
    root = etree.fromstring(answer.body, etree.HTMLParser(encoding="utf-8"))
    assert root.findtext(".//title") == f"Index of {shown(folder)}"


@pytest.mark.row("K58")
@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: encode_path(name)[:30])
def test_the_page_of_an_error_is_escaped_too(gateway, name):
    url = gateway.url + encode_path(f"/odd/missing {name}")
    answer = ask("GET", url, headers={"Accept": "text/html"})
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    answer.body.decode("utf-8", "strict")
    root = etree.fromstring(answer.body, etree.HTMLParser(encoding="utf-8"))
    assert not [e.tag for e in root.iter() if e.tag in ("script", "img", "b")]
    assert not [key for e in root.iter() for key in e.attrib if str(key).startswith("on")]
    for anchor in root.iter("a"):
        assert ask("GET", urljoin(url, anchor.get("href") or "")).status == 200


# -- hrefs ---------------------------------------------------------------------------------------------

# RFC 3986 section 3.3: pchar and the slash; escapes in upper case, as section 2.1 wants them
HREF = re.compile(r"(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-F]{2})*)+")
# names that every one of the real servers holds and lists
COMMON = [
    "two words",
    "100%",
    "%41",
    "a&b",
    "a+b",
    "a;b=c",
    "a#b",
    "<i>",
    "it's",
    'say "so"',
    "[x]",
    "a:b",
    "é",
    "東京",
    "~t",
]


def check_hrefs(answer: Answer, path: str) -> list[Listed]:
    """The responses, when every href keeps the rules; ``path`` is the decoded external path without trailing slash."""
    assert answer.status == 207
    listed = parse_multistatus(answer.body)
    assert len({one.href for one in listed}) == len(listed)
    own = encode_path(path)
    for one in listed:
        assert HREF.fullmatch(one.href), one.href
        assert one.href.endswith("/") == one.collection
    itself = listed[0].href
    assert itself == (own.rstrip("/") + "/" if listed[0].collection else own)
    for one in listed[1:]:
        assert one.href.startswith(itself)
        assert len(one.href.removeprefix(itself).rstrip("/").split("/")) == 1
    return listed


@pytest.fixture(scope="module")
def servers(nginx_dav, apache_dav, xrootd_http, wsgidav_server):
    running = {
        "nginx": nginx_dav,
        "apache": apache_dav,
        "xrootd": xrootd_http,
        "wsgidav": wsgidav_server,
    }
    for server in running.values():
        for name in COMMON:
            server.write(f"hrefs/odd {name}/f {name}", b"x")
            server.make_directory(f"hrefs/odd {name}/c {name}")
    return running


@pytest.fixture(scope="module")
def prefixed(servers, storage, tmp_path_factory):
    """Each server has an odd mount of its own, below an odd prefix."""
    tables = {
        name: {"url": f"{server.url}/hrefs", "mounts": [f"/at {name} %é"], **QUIET}
        for name, server in servers.items()
    }
    tables["odd"] = {"url": storage["odd"].base_url, "mounts": ["/abs = /odd"], **QUIET}
    text = configuration(
        tables, federation={"prefixes": ["/my fed/v&1", "/plain"]}, health=NEVER_EJECT
    )
    with GatewayStarter(tmp_path_factory.mktemp("prefixed")) as start:
        yield start(config=text)


@pytest.mark.row("K31")
@pytest.mark.parametrize("prefix", ["/my fed/v&1", "/plain"])
@pytest.mark.parametrize("name", ["nginx", "apache", "xrootd", "wsgidav"])
def test_hrefs_of_real_servers_lie_below_the_request_path(prefixed, name, prefix):
    root = f"{prefix}/at {name} %é"
    listed = check_hrefs(propfind(prefixed.url + encode_path(root)), root)
    expected = {encode_path(f"{root}/odd {one}/") for one in COMMON}
    assert {one.href for one in listed[1:]} == expected
    for one in COMMON:
        path = f"{root}/odd {one}"
        for end in ("", "/"):
            listed = check_hrefs(propfind(prefixed.url + encode_path(path) + end), path)
            assert {child.href for child in listed[1:]} == {
                encode_path(f"{path}/f {one}"),
                encode_path(f"{path}/c {one}/"),
            }
            (alone,) = check_hrefs(propfind(prefixed.url + encode_path(path) + end, "0"), path)
            assert alone.collection
        # each href is itself a request, answered by that href
        for child in listed[1:]:
            (again,) = parse_multistatus(propfind(prefixed.url + child.href, "0").body)
            assert (again.href, again.collection) == (child.href, child.collection)


@pytest.mark.row("K31")
@pytest.mark.parametrize("absolute", [False, True])
def test_hrefs_are_ours_however_the_storage_writes_its_own(gateway, prefixed, storage, absolute):
    storage["odd"].faults = Faults(absolute_hrefs=absolute)
    try:
        for url, path in (
            (prefixed.url, "/my fed/v&1/abs"),
            (prefixed.url, "/plain/abs"),
            (gateway.url, "/odd"),
        ):
            listed = check_hrefs(propfind(url + encode_path(path)), path)
            names = {unquote_to_bytes(one.href[len(encode_path(path)) + 1 :]) for one in listed[1:]}
            assert len(names) == 2 * len(HOSTILE)
            assert {name.encode("utf-8", "surrogateescape") for name in HOSTILE} <= names
    finally:
        storage["odd"].faults = Faults()


@pytest.mark.row("K31")
@pytest.mark.parametrize(
    "spelling",
    [
        "/odd",
        "//odd//",
        "/%6f%64%64/",
        "/./odd/.",
        "/odd/?x=1",
        "/plain/./",
        "/",
        "//",
        "/odd/%3c%21--%20--%3e",
    ],
)
def test_hrefs_are_canonical_however_the_request_is_written(gateway, spelling):
    path = spelling.partition("?")[0]
    decoded = unquote_to_bytes(path).decode()
    canonical = "/" + "/".join(part for part in decoded.split("/") if part not in ("", "."))
    for depth in ("0", "1"):
        check_hrefs(propfind(gateway.url + spelling, depth), canonical)


@pytest.mark.row("K31")
def test_hrefs_of_collections_that_only_mounts_make(prefixed):
    for path, children in {
        "": ["my fed/", "plain/"],
        "/my fed": ["v&1/"],
        "/plain": ["abs/", *(f"at {n} %é/" for n in ("apache", "nginx", "wsgidav", "xrootd"))],
    }.items():
        listed = check_hrefs(propfind(f"{prefixed.url}{encode_path(path)}/"), path or "/")
        assert [one.href for one in listed[1:]] == [encode_path(f"{path}/{c}") for c in children]
