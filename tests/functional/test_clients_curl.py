"""Does curl get the same in all its ways: old HTTP, many URLs, parts, compression, odd paths, impatience?

Downloads and heads are in ``test_clients_tools.py``, ranges and resumption in ``test_clients_reading.py``.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.functional import clients
from tests.functional.clients import (
    EMPTY,
    HTTP_DATE,
    MISS,
    MOUNT,
    NAMES,
    SHARED,
    SHARED_BYTES,
    WIDE,
    Grid,
    only,
    only_bytes,
    wide_names,
)
from tests.functional.helpers.answers import ageless
from tests.functional.helpers.asking import until

pytestmark = pytest.mark.functional
grid = clients.grid

STATUS = ("-s", "-o", "body", "-w", "%{http_code}")
PROPFIND = ("-X", "PROPFIND", "-H", "Depth: 1")
ALLPROP = '<propfind xmlns="DAV:"><allprop/></propfind>'


def heads(text: str) -> list[tuple[str, Mapping[str, str]]]:
    """The heads that ``-D -`` wrote: status line, fields by lower-case name."""
    found: list[tuple[str, Mapping[str, str]]] = []
    for block in text.strip().split("\r\n\r\n"):
        first, *lines = block.split("\r\n")
        pairs = (line.partition(":") for line in lines)
        found.append((first, {name.lower(): value.strip() for name, _, value in pairs}))
    return found


@pytest.mark.row("K13")
@pytest.mark.parametrize("host", [(), ("-H", "Host:")])
def test_http_1_0_is_served_with_and_without_host(grid, curl, host):
    old = ("-sS", "--http1.0", "-o", "body", "-D", "-", *host)
    ((line, fields),) = heads(curl(*old, grid.at(SHARED)).check().text)
    assert (line, fields["location"]) == ("HTTP/1.0 302 Found", grid.replica("nginx", SHARED))
    ((line, fields),) = heads(curl(*old, grid.at(f"{WIDE}/")).check().text)
    assert line == "HTTP/1.0 200 OK"
    # there are no chunks in HTTP/1.0: the end of the body is the end of the connection
    assert "transfer-encoding" not in fields
    page = (curl.home / "body").read_text()
    assert page.count("run-0") > 1000
    assert page.rstrip().endswith("</html>")
    ((line, _),) = heads(curl(*old, *PROPFIND, grid.at(f"{WIDE}/")).check().text)
    assert line == "HTTP/1.0 207 Multi-Status"
    assert (curl.home / "body").read_text().count("<D:response>") == 1001
    ((line, _),) = heads(curl(*old, grid.at(MISS)).check().text)
    assert line == "HTTP/1.0 404 Not Found"


@pytest.mark.row("K13")
def test_http_1_1_without_host_is_refused(grid, curl):
    assert curl(*STATUS, "-H", "Host:", grid.at(SHARED)).check().text == "400"


def test_http_1_0_follows_to_the_bytes(grid, curl):
    for name in NAMES:
        assert curl("-sSL", "--http1.0", grid.at(only(name))).check().stdout == only_bytes(name)


def test_one_connection_serves_many_urls_and_all_kinds_of_answers(grid, curl):
    paths = {SHARED: 302, MISS: 404, "/data/": 200, "/data": 302, "/%2e%2e/": 400, EMPTY: 302}
    output = [option for _ in paths for option in ("-o", "body")]
    urls = [grid.url + path for path in paths]
    written = ("-w", "%{http_code} %{num_connects}\\n")
    for method in ((), ("-I",)):
        told = curl("-sS", "--path-as-is", *output, *written, *method, *urls).check().text
        statuses, connects = zip(*(line.split() for line in told.splitlines()), strict=True)
        expected = [str(status) for status in paths.values()]
        if method:
            expected = [{SHARED: "200", EMPTY: "200"}.get(path, str(paths[path])) for path in paths]
        assert list(statuses) == expected
        assert connects == ("1", "0", "0", "0", "0", "0")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/data/../data/shared.bin", "400"),
        ("/../etc/passwd", "400"),
        ("/data/..", "400"),
        ("/data/%2e%2e/shared.bin", "400"),
        ("/data/.%2E/shared.bin", "400"),
        ("/data/./shared.bin", "302"),
        ("//data//shared.bin", "302"),
        ("/data/shared.bin//", "302"),
        ("/data/%2Fshared.bin", "400"),
    ],
)
def test_paths_are_taken_as_they_are(grid, curl, path, status):
    done = curl("-sS", "--path-as-is", "-D", "-", "-o", "body", grid.url + path).check()
    ((line, fields),) = heads(done.text)
    assert line.split()[1] == status
    if status == "302":
        assert fields["location"] == grid.replica("nginx", SHARED)
    else:
        assert "location" not in fields


def test_dots_that_curl_takes_out_itself_are_no_matter(grid, curl):
    assert curl("-sSL", f"{grid.url}/hollow/../data/./empty.dat").check().stdout == b""
    assert curl(*STATUS, f"{grid.url}/hollow/../data/shared.bin").check().text == "302"


@pytest.mark.parametrize(
    ("coding", "open_it"),
    [("gzip", gzip.decompress), ("deflate", zlib.decompress), ("x-gzip", gzip.decompress)],
)
@pytest.mark.parametrize("what", [(), PROPFIND])
def test_listings_come_compressed_to_who_likes(grid, curl, coding, open_it, what):
    url = grid.at(f"{WIDE}/")
    plain = ageless(curl("-sS", *what, url).check().stdout)
    asked = ("-sS", "-D", "-", "-o", "body", *what, url, "-H")
    ((_, fields),) = heads(curl(*asked, f"Accept-Encoding: {coding}").check().text)
    assert fields["content-encoding"] == coding.removeprefix("x-")
    assert "accept-encoding" in fields["vary"].lower()
    packed = (curl.home / "body").read_bytes()
    assert len(packed) < len(plain) / 4
    assert ageless(open_it(packed)) == plain
    assert ageless(curl("-sS", "--compressed", *what, url).check().stdout) == plain
    for refused in ("identity", "gzip;q=0", "br", "*;q=0, identity"):
        ((_, fields),) = heads(curl(*asked, f"Accept-Encoding: {refused}").check().text)
        assert "content-encoding" not in fields
        assert ageless((curl.home / "body").read_bytes()) == plain


def test_compression_never_touches_a_redirect_or_a_file(grid, curl):
    for path in (SHARED, EMPTY, only("apache")):
        done = curl("-sSL", "--compressed", "-o", "copy", "-D", "-", grid.at(path)).check()
        assert not [fields for _, fields in heads(done.text) if "content-encoding" in fields]
        name = next(name for name in NAMES if (grid.storages[name].root / path[1:]).exists())
        assert (curl.home / "copy").read_bytes() == (
            grid.storages[name].root / path[1:]
        ).read_bytes()


def test_propfind_is_answered_and_never_redirected(grid, curl):
    written = ("-w", "%{http_code} %{num_redirects}", "-o", "body")
    for path in ("/data", "/data/", SHARED, "/annex"):
        assert curl("-sSL", *PROPFIND, *written, grid.at(path)).check().text == "207 0"


def test_a_body_that_waits_for_100_is_sent_for(grid, curl):
    """curl would wait a minute for the 100; its own limit is far below."""
    waits = ("-H", "Expect: 100-continue", "--expect100-timeout", "60", "--max-time", "20")
    done = curl("-sS", "-D", "-", "-o", "body", *PROPFIND, *waits, "-d", ALLPROP, grid.at("/data/"))
    statuses = [line for line, _ in heads(done.check().text)]
    assert statuses == ["HTTP/1.1 100 Continue", "HTTP/1.1 207 Multi-Status"]
    assert (curl.home / "body").read_text().count("<D:response>") == 7
    # a refusal comes at once, and the body is never asked for
    done = curl("-sS", "-D", "-", "-o", "body", *waits, "-T", "body", grid.at("/data/up"))
    assert [line for line, _ in heads(done.check().text)] == ["HTTP/1.1 405 Method Not Allowed"]


def test_two_hundred_files_in_parallel(grid, curl):
    names = dict(list(wide_names().items())[:200])
    lines = [f'url = "{grid.at(f"{WIDE}/{name}")}"\noutput = "{name}"\n' for name in names]
    (curl.home / "urls").write_text("".join(lines))
    parallel = ("-Z", "--parallel-max", "200", "--parallel-immediate", "-K", "urls")
    told = curl("-sSfL", *parallel, "-w", "%{http_code}\\n", timeout_s=60).check().text.split()
    assert told == ["200"] * 200
    for name, size in names.items():
        assert (curl.home / name).read_bytes() == b"w" * size, name


def test_conditions_pass_through_the_redirect(grid, curl):
    for holder in ("nginx", "apache"):
        unchanged = curl(*STATUS, "-L", "-z", HTTP_DATE, grid.at(only(holder))).check()
        assert unchanged.text == "304"
        older = curl(*STATUS, "-L", "-z", "Thu, 16 May 2024 10:00:00 GMT", grid.at(only(holder)))
        assert older.check().text == "200"
        assert (curl.home / "body").read_bytes() == only_bytes(holder)


def test_a_metalink_is_saved_under_a_name_of_its_own(grid, curl):
    curl("-sSOJ", f"{grid.at(SHARED)}?metalink=4").check()
    assert re.findall(r"<size>(\d+)</size>", (curl.home / "shared.bin.meta4").read_text()) == [
        str(len(SHARED_BYTES))
    ]


@pytest.fixture
def hanging(grid: Grid) -> Iterator[Callable[[], str]]:
    """The annex accepts connections and says nothing; paths in it that nobody has asked for."""
    numbers = iter(range(1000))
    grid.storages["annex"].pause()
    yield lambda: f"{MOUNT}/never-asked-{next(numbers)}"
    grid.storages["annex"].resume()
    until(lambda: grid.ask("GET", f"{MOUNT}/inside.txt").status == 302, "the annex is back")


def test_who_has_no_patience_is_no_burden_for_others(grid, curl, hanging):
    for _ in range(20):
        assert curl("-sS", "--max-time", "0.1", grid.at(hanging())).code == 28
    for name in NAMES:
        limited = ("-sSL", "--max-time", "5")
        assert curl(*limited, grid.at(only(name))).check().stdout == only_bytes(name)
