"""Replicas that disagree on size or kind (rows D57, K30)."""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from tests.functional.helpers.answers import (
    duplicates,
    parse_metalink3,
    parse_metalink4,
    parse_multistatus,
    propfind,
)
from tests.functional.helpers.asking import metric, until
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.spread import everyone_has_spoken
from tests.functional.helpers.storage import MTIME_S, elements, tree_of
from tests.peers.ask import Answer, ask
from tests.peers.gateway import GatewayStarter
from ugrpy.testing import FileNode

pytestmark = pytest.mark.functional

V4 = "application/metalink4+xml"


# -- replicas of different size ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def disagreeing(tmp_path_factory):
    """Of ``/d/voted`` two agree against one; of ``/d/tied`` the newer and of ``/d/same-age`` the larger copy counts."""
    old, new = MTIME_S, MTIME_S + 100
    files = {
        "one": {"voted": (b"1234567", new), "tied": (b"123", old), "same-age": (b"123", old)},
        "two": {"voted": (b"12345", old), "tied": (b"12", new), "same-age": (b"12345", old)},
        "three": {"voted": (b"54321", old), "agreed": (b"1", old)},
    }
    trees = {name: tree_of("/d/agreed", content=b"1") for name in files}
    for name, held in files.items():
        for file, (content, mtime_s) in held.items():
            trees[name].add_file(f"/d/{file}", FileNode(content, mtime_s))
    with elements(trees) as running, GatewayStarter(tmp_path_factory.mktemp("sizes")) as start:
        urls = {name: element.base_url for name, element in running.items()}
        gateway = start(
            config=configuration({name: {"url": url, **QUIET} for name, url in urls.items()})
        )
        for file in ("voted", "tied", "same-age", "agreed"):
            everyone_has_spoken(f"{gateway.url}/d/{file}")
        yield gateway, urls


WINNERS = {
    "voted": ({"two", "three"}, 5, {"one": "7"}),
    "tied": ({"two"}, 2, {"one": "3"}),
    "same-age": ({"two"}, 5, {"one": "3"}),
    "agreed": ({"one", "two", "three"}, 1, {}),
}


@pytest.mark.row("D57")
@pytest.mark.parametrize("file", WINNERS)
def test_clients_are_sent_to_replicas_of_one_size_only(disagreeing, file):
    gateway, urls = disagreeing
    holders, size, _losers = WINNERS[file]
    path = f"/d/{file}"
    replicas = {urls[name] + path for name in holders}
    seen = set()
    for _ in range(30):
        answer = ask("GET", gateway.url + path)
        seen |= {answer.headers["location"], *duplicates(answer)}
    assert seen == replicas
    assert ask("HEAD", gateway.url + path).headers["content-length"] == str(size)
    for version, read in ((3, parse_metalink3), (4, parse_metalink4)):
        document = read(ask("GET", f"{gateway.url}{path}?metalink={version}").body)
        assert (set(document.urls), document.size_bytes) == (replicas, size)
    (alone,) = parse_multistatus(propfind(gateway.url + path, "0").body)
    listed = {
        one.href: one.size_bytes for one in parse_multistatus(propfind(f"{gateway.url}/d/").body)
    }
    assert alone.size_bytes == listed[path] == size
    assert all(len(ask("GET", url).body) == size for url in replicas)


@pytest.mark.row("D57")
@pytest.mark.parametrize("file", WINNERS)
def test_the_replica_that_differs_is_reported(disagreeing, file):
    gateway, urls = disagreeing
    _holders, size, losers = WINNERS[file]
    page = ask("GET", f"{gateway.url}/d/").text
    (row,) = [line for line in page.splitlines() if f'<a href="/d/{file}">' in line]
    explained = json.loads(ask("GET", f"{gateway.admin_url}/v1/explain?path=/d/{file}").body)
    assert {
        one["endpoint"]: (one["about"], one["says"], one["majority"])
        for one in explained["conflicts"]
    } == {name: ("size", said, str(size)) for name, said in losers.items()}
    rejected = {one["id"]: one["reason"] for one in explained["ranked"]["rejected"]}
    for name, said in losers.items():
        assert f"{name}: size {said}, others {size}" in row
        assert "outvoted" in rejected[name]
    if not losers:
        assert 'class="c"' not in row
    assert not any(url in page for url in urls.values())


@pytest.mark.row("D57")
def test_disagreements_are_counted_and_logged(disagreeing):
    gateway, _urls = disagreeing
    assert metric(gateway, 'ugrpy_clashes_total{about="size"}') >= 3
    assert metric(gateway, 'ugrpy_clashes_total{about="kind"}') == 0
    lines = [line for line in gateway.log_text().splitlines() if "replicas disagree" in line]
    for file, (_holders, _size, losers) in WINNERS.items():
        assert bool(losers) == any(f"/d/{file}" in line for line in lines)


# -- clashes on real servers ---------------------------------------------------------------------------

# name -> what each server holds there: bytes of a file, or the names in a collection
CLASHES: Mapping[str, Mapping[str, bytes | tuple[str, ...]]] = {
    "file-or-collection": {"nginx": b"12345", "apache": ("in-apache",)},
    "mostly-file": {"nginx": b"12345", "apache": ("in-apache",), "xrootd": b"12345"},
    "mostly-collection": {"nginx": b"1", "apache": ("in-apache",), "xrootd": ("in-xrootd",)},
    "two-sizes": {"nginx": b"12345", "apache": b"1234567"},
    "mostly-seven": {"nginx": b"12345", "apache": b"1234567", "xrootd": b"1234567"},
    "three-sizes": {"nginx": b"", "apache": b"1", "xrootd": b"22"},
    "empty-or-not": {"nginx": b"", "xrootd": b"12345"},
    "empty-collection": {"nginx": b"12345", "apache": (), "xrootd": ()},
}
IS_COLLECTION = {"file-or-collection", "mostly-collection", "empty-collection"}


# every way to read a name
QUESTIONS: tuple[Callable[[str], Answer], ...] = (
    lambda url: ask("GET", url),
    lambda url: ask("HEAD", url),
    lambda url: ask("GET", f"{url}/"),
    lambda url: ask("HEAD", f"{url}/"),
    lambda url: ask("GET", f"{url}/", headers={"Accept": "text/html"}),
    lambda url: propfind(url, "0"),
    lambda url: propfind(url, "1"),
    lambda url: propfind(f"{url}/", "0"),
    lambda url: propfind(f"{url}/", "1"),
    lambda url: ask("GET", f"{url}?metalink=3"),
    lambda url: ask("GET", f"{url}?metalink=4"),
    lambda url: ask("GET", url, headers={"Accept": V4}),
    lambda url: ask("HEAD", url, headers={"Accept": V4}),
    lambda url: ask("GET", f"{url}/in-apache"),
)


@pytest.fixture(scope="module")
def clashing(nginx_dav, apache_dav, xrootd_http, tmp_path_factory):
    servers = {"nginx": nginx_dav, "apache": apache_dav, "xrootd": xrootd_http}
    for clash, held in CLASHES.items():
        for name, what in held.items():
            for copy in (clash, *(f"{clash}-{number}" for number in range(len(QUESTIONS)))):
                if isinstance(what, bytes):
                    file = servers[name].write(f"clashes/{copy}", what)
                    os.utime(file, (MTIME_S, MTIME_S))
                else:
                    servers[name].make_directory(f"clashes/{copy}")
                    for child in what:
                        servers[name].write(f"clashes/{copy}/{child}", b"x")
    with GatewayStarter(tmp_path_factory.mktemp("clashing")) as start:
        yield start({name: f"{server.url}/clashes" for name, server in servers.items()}), servers


def gist(answer: Answer) -> tuple[object, ...]:
    """What must not change from one time to the next. Which of several equal replicas is first is left to chance."""
    headers = answer.headers
    kind = headers.get("content-type", "")
    replicas: object = headers.get("location", "")
    if headers.get("location", "").startswith("http"):
        replicas = frozenset(duplicates(answer)) or headers["location"]
    said: object = answer.text if kind.startswith("text/html") else ""
    if kind.startswith("application/xml"):
        said = parse_multistatus(answer.body)
    elif kind == V4 and answer.body:
        document = parse_metalink4(answer.body)
        said = (document.size_bytes, frozenset(document.urls))
    elif kind == "application/metalink+xml":
        document = parse_metalink3(answer.body)
        said = (document.size_bytes, frozenset(document.urls))
    length = headers.get("content-length") if kind == "application/octet-stream" else None
    return answer.status, kind, replicas, said, length


@pytest.mark.row("K30")
@pytest.mark.parametrize("clash", CLASHES)
def test_the_first_question_about_a_clash_is_answered_without_5xx(clashing, clash):
    """Each question is the first about its name: whoever is quick may decide, and nobody is to stumble."""
    gateway, _servers = clashing
    for number, question in enumerate(QUESTIONS):
        answer = question(f"{gateway.url}/{clash}-{number}")
        assert answer.status in (200, 207, 302, 404), (number, answer)


@pytest.mark.row("K30")
def test_clashes_are_answered_the_same_again_and_after_a_restart(clashing):
    gateway, servers = clashing

    def all_answers() -> dict[tuple[str, int], tuple[object, ...]]:
        for clash in CLASHES:
            url = f"{gateway.url}/{clash}"
            until(
                lambda url=url: ask("GET", f"{url}?metalink").status in (200, 404),  # type: ignore[misc]
                "all have spoken",
            )
        return {
            (clash, number): gist(question(f"{gateway.url}/{clash}"))
            for clash in CLASHES
            for number, question in enumerate(QUESTIONS)
        }

    first = all_answers()
    assert {answer[0] for answer in first.values()} <= {200, 207, 302, 404}
    assert all_answers() == first
    listings = [gist(propfind(gateway.url + "/")), gist(ask("GET", gateway.url + "/"))]
    gateway.stop()
    gateway.start()
    assert all_answers() == first
    again = [gist(propfind(gateway.url + "/")), gist(ask("GET", gateway.url + "/"))]
    assert again == listings
    assert [answer[0] for answer in again] == [207, 200]
    for clash, held in CLASHES.items():
        assert first[clash, 0][2] == expected_target(clash, held, servers)


def expected_target(clash, held, servers) -> object:
    """Where GET of the plain name leads."""
    if clash in IS_COLLECTION:
        return f"/{clash}/"
    sizes = Counter(len(what) for what in held.values() if isinstance(what, bytes))
    winner = max(sizes, key=lambda size: (sizes[size], size))
    agreeing = [
        name for name, what in held.items() if isinstance(what, bytes) and len(what) == winner
    ]
    urls = [f"{servers[name].url}/clashes/{clash}" for name in agreeing]
    return frozenset(urls) if len(urls) > 1 else urls[0]


@pytest.mark.row("K30")
@pytest.mark.parametrize("clash", CLASHES)
def test_what_lies_below_a_clash_can_be_read(clashing, clash):
    """Also where the name itself counts as a file."""
    gateway, servers = clashing
    for name, what in CLASHES[clash].items():
        if isinstance(what, tuple):
            for child in what:
                answer = ask("GET", f"{gateway.url}/{clash}/{child}")
                assert answer.status == 302
                location = f"{servers[name].url}/clashes/{clash}/{child}"
                assert answer.headers["location"] == location
                assert ask("GET", location).body == b"x"
