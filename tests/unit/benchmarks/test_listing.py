"""Long listings: what the prepared elements say, how one answer is timed and checked, and the whole benchmark in small."""

import gzip

import pytest

from benchmarks import single
from benchmarks.corpus import Corpus, list_path
from benchmarks.macro import listing_100k
from benchmarks.model import Settings, WrongAnswer
from benchmarks.prepared import SORTED, UNSORTED, prepare, write
from benchmarks.scene import Scene
from benchmarks.single import Answer
from benchmarks.topology import Topology, fetch
from ugrpy.webdav.multistatus import MultistatusReader

CORPUS = Corpus(members=2, replicas_min=2, replicas_max=2, list_entries=30, list_shared_percent=0)
WHOLE = Corpus(members=1, replicas_max=1, list_entries=3)


def read(data: bytes) -> list[str]:
    reader = MultistatusReader()
    return [resource.path for resource in [*reader.feed(data), *reader.close()]]


def test_both_lists_of_a_member_hold_its_names_one_of_them_in_disorder(tmp_path):
    write(tmp_path, CORPUS, 1)
    for number in (SORTED, UNSORTED):
        path = list_path(number)
        first, *names = read((tmp_path / path.strip("/") / "1.xml").read_bytes())
        held = [path + child.name for child in CORPUS.children(1, path)]
        assert first == path.rstrip("/")
        assert sorted(names) == held
        assert (names == held) == (number == SORTED)
        assert read((tmp_path / path.strip("/") / "0.xml").read_bytes()) == [first]


@pytest.fixture
def body(tmp_path):
    write(tmp_path, WHOLE, 0)
    return (tmp_path / "lists" / "000000" / "1.xml").read_bytes()


def answer(body: bytes, status: int = 207, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, body, 0.5, 1.5, 0.25, 3_000_000)


def scene_of(corpus: Corpus) -> Scene:
    return Scene(Topology(), corpus, [])


def test_a_whole_listing_is_right_plain_or_compressed(body):
    single.check_listing(scene_of(WHOLE), SORTED, answer(body))
    packed = answer(gzip.compress(body), content_encoding="gzip")
    single.check_listing(scene_of(WHOLE), SORTED, packed)
    assert packed.text() == body
    assert answer(body).sample().figures == {
        "first_ms": 500,
        "total_ms": 1500,
        "cpu_ms": 250,
        "growth_mb": 3,
        "body_mb": len(body) / 1e6,
    }


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda body: answer(body, 504), "504"),
        (lambda body: answer(body, proxy_status="se0; error=timeout"), "proxy-status"),
        (lambda body: answer(body[:-20]), "no XML"),
        (lambda body: answer(body.replace(b".000001.root", b".000002.root")), "4 names, 4 are"),
        (lambda body: answer(body.replace(b"/lists/000000/<", b"/lists/000009/<")), "4 names"),
    ],
)
def test_anything_else_is_a_wrong_answer(body, spoil, words):
    with pytest.raises(WrongAnswer, match=words):
        single.check_listing(scene_of(WHOLE), SORTED, spoil(body))


@pytest.mark.functional
@pytest.mark.peer("nginx")
def test_prepared_elements_answer_by_depth():
    with Topology() as topology:
        scene = prepare(topology, CORPUS)
        host, _, port = scene.urls[1].removeprefix("http://").partition(":")
        for depth, count in (("0", 1), ("1", 1 + len(CORPUS.children(1, list_path(0))))):
            status, headers, body = fetch(
                int(port), "PROPFIND", list_path(0), host=host, headers={"Depth": depth}
            )
            assert (status, len(read(body))) == (207, count)
            assert headers["content-type"] == "application/xml; charset=utf-8"
        assert fetch(int(port), "PROPFIND", "/other/", host=host, headers={"Depth": "0"})[0] == 404


@pytest.mark.functional
@pytest.mark.peer("nginx")
def test_the_benchmark_in_small():
    result = listing_100k.run(Settings(repeat=1), entries=40)
    assert result.statuses == {
        "nginx": {"200": 1},
        **{name: {"207": 1} for name in ("cold", "again", "cold_unsorted", "cold_gzip")},
    }
    for cells in result.subjects.values():
        assert 0 < cells["first_ms"].median <= cells["total_ms"].median
    assert set(result.ratios["cold / nginx"]) == {"first byte", "total", "cpu"}
    (check,) = result.checks
    assert check.text == "growth while listing cold, MB <= 60"
