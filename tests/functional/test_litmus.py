"""Is the gateway a WebDAV server in the eyes of litmus, over one and over two storages that take changes?

litmus follows no redirects, so the gateway streams for it. What it finds in the suites for properties and locks is told in
``docs/compliance.md``, each deviation with its reason; the page is held against what litmus says here.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.functional.writable import site
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.clients import Client
from tests.peers.litmus import Found, Verdict, deviations, parse_litmus

pytestmark = pytest.mark.functional

PAGE = Path(__file__).parents[2] / "docs" / "compliance.md"
# What each suite has: fewer would mean that litmus stopped, or that its output was not understood.
TESTS = {"basic": 16, "copymove": 13, "http": 4, "props": 30, "locks": 4}
CLASS_2 = ("options", Verdict.WARNING)
# "| props | 6 | propset | FAIL | because ... |"
_ROW = re.compile(r"\| (\w+) \| (\d+) \| `(\w+)` \| (\w+) \| (.{20,}) \|")


def run(
    litmus: Client, folder: Path, storages: Sequence[str], *suites: str
) -> dict[str, list[Found]]:
    """What litmus finds at a gateway over these storages, by suite."""
    with (
        Bench() as bench,
        site(
            bench,
            folder,
            storages,
            changes={"require_parent": True},
            streaming={"agents": ["litmus*"]},
        ) as made,
    ):
        done = litmus("-k", made.gateway.url + "/", env={"TESTS": " ".join(suites)}, timeout_s=60)
    found = parse_litmus(done.text)
    by_suite = {suite: [one for one in found if one.suite == suite] for suite in suites}
    assert {suite: len(tests) for suite, tests in by_suite.items()} == {
        suite: TESTS[suite] for suite in suites
    }, done.text
    return by_suite


@pytest.mark.parametrize(
    "storages",
    [("nginx",), ("apache",), ("xrootd",), ("nginx", "apache"), ("nginx", "xrootd")],
    ids="+".join,
)
def test_files_and_collections_behave_as_rfc_4918_has_it(litmus, tmp_path, storages):
    found = run(litmus, tmp_path, storages, "basic", "copymove", "http")
    assert [(one.name, one.verdict) for one in deviations(found["basic"])] == [CLASS_2]
    assert deviations(found["copymove"]) == []
    assert deviations(found["http"]) == []


def test_properties_and_locks_deviate_as_the_page_says(litmus, tmp_path):
    found = run(litmus, tmp_path, ("nginx", "apache"), "basic", "props", "locks")
    happened = [
        (one.suite, str(one.number), one.name, one.verdict.value)
        for suite in found.values()
        for one in deviations(suite)
    ]
    rows = [_ROW.fullmatch(line) for line in PAGE.read_text(encoding="utf-8").splitlines()]
    assert happened == [match.groups()[:4] for match in rows if match is not None]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    with Bench() as bench, site(bench, folder, ("nginx",)) as made:
        made.write("/file", b"x", "nginx")
        yield made


def test_locks_are_not_offered(plain):
    for method in ("LOCK", "UNLOCK"):
        answer = plain.ask(method, "/file")
        assert answer.status == 405
        assert method not in answer.headers["allow"]
    assert ask("OPTIONS", plain.gateway.url).headers["dav"] == "1"


def test_no_property_is_changed(plain):
    body = (
        b'<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop><x:a>1</x:a></D:prop></D:set>'
        b"<D:remove><D:prop><x:b/></D:prop></D:remove></D:propertyupdate>"
    )
    answer = plain.ask("PROPPATCH", "/file", None, body)
    assert answer.status == 207
    assert answer.text.count("403 Forbidden") == 1
    assert "urn:x" in answer.text
