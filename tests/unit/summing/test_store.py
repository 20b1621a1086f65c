"""What was learnt of replicas outlives the process and reaches the other workers; what has gone does not."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.summing.world import GOOD, MTIME_S, A, B, a_federation
from ugrpy.core.errors import ConfigError
from ugrpy.namespace.changes import Fingerprint
from ugrpy.namespace.disagreements import Disagreement, NewsOfDisagreements
from ugrpy.namespace.learnt import Learnt, Unwritten
from ugrpy.namespace.model import Digest
from ugrpy.summing.keeping import Keeping
from ugrpy.summing.store import FILE, Store, facts_of

NOTHING, UNSEEN = Unwritten(), NewsOfDisagreements()
ODD = "/d/caf\udce9"


def learnt(path="/d/f", endpoint=A, at_s=9.0) -> Learnt:
    return Learnt(path, endpoint, Fingerprint(5, 1), (Digest("adler32", "00000001"), GOOD), at_s)


def line(path="/d/f", about="size", first=1.0, last=1.0, says="1") -> Disagreement:
    return Disagreement(path, A, about, says, "2", first, last)


def seen(*lines: Disagreement) -> NewsOfDisagreements:
    return NewsOfDisagreements(tuple(sorted({one.path for one in lines})), lines)


async def made(folder: Path | None, most: int) -> Store:
    """Opened where nobody is held up."""
    return await asyncio.to_thread(Store, folder, most)


async def test_one_writes_and_another_reads_what_is_new(tmp_path):
    mine, theirs = await made(tmp_path / "state", 100), await made(tmp_path / "state", 100)
    first = await mine.exchange(Unwritten((learnt(), learnt(ODD, B))), UNSEEN, 0)
    read = await theirs.exchange(NOTHING, UNSEEN, 0)
    assert set(read.learnt) == set(first.learnt) == {learnt(), learnt(ODD, B)}
    assert (await theirs.exchange(NOTHING, UNSEEN, read.last)).learnt == ()
    await mine.exchange(Unwritten((learnt(at_s=10.0),)), UNSEEN, first.last)
    again = await theirs.exchange(NOTHING, UNSEEN, read.last)
    assert again.learnt == (learnt(at_s=10.0),)
    await mine.close()
    await theirs.close()
    after = await made(tmp_path / "state", 100)
    assert len((await after.exchange(NOTHING, UNSEEN, 0)).learnt) == 2
    await after.close()


async def test_what_has_gone_is_not_read_any_more():
    store = await made(None, 100)
    paths = ("/d/f", "/d/e/f", "/d", "/df", "/d0", "/c")
    await store.exchange(Unwritten(tuple(learnt(path) for path in paths)), UNSEEN, 0)
    left = await store.exchange(Unwritten((), ("/c",), ("/d",)), UNSEEN, 0)
    assert {one.path for one in left.learnt} == {"/df", "/d0"}
    # what was learnt after it had gone stays
    after = await store.exchange(Unwritten((learnt("/x"),), ("/x",), ("/",)), UNSEEN, 0)
    assert {one.path for one in after.learnt} == {"/x"}
    await store.close()


async def test_it_is_bounded():
    store = await made(None, 3)
    for number in range(10):
        await store.exchange(Unwritten((learnt(f"/{number}"),)), UNSEEN, 0)
    left = await store.exchange(NOTHING, UNSEEN, 0)
    assert [one.path for one in left.learnt] == ["/7", "/8", "/9"]
    await store.close()


async def test_the_report_of_all_workers(tmp_path):
    mine, theirs = await made(tmp_path, 100), await made(tmp_path, 100)
    await mine.exchange(NOTHING, seen(line(), line(about="md5")), 0)
    await theirs.exchange(NOTHING, seen(line(first=5.0, last=6.0, says="3"), line("/g")), 0)
    whole = (line(last=6.0, says="3"), line("/g"))
    assert await mine.disagreements() == await theirs.disagreements() == whole
    assert (await mine.exchange(NOTHING, UNSEEN, 0)).disagreements == whole
    assert (await mine.exchange(NOTHING, UNSEEN, 0)).disagreements is None
    await theirs.exchange(NOTHING, NewsOfDisagreements(("/d/f",)), 0)
    assert await mine.disagreements() == (line("/g"),)
    await mine.close()
    await theirs.close()


def test_how_a_line_is_shown():
    assert facts_of(replace(line(ODD + "\x1b"), last_seen_s=86_400.0)) == {
        "path": "/d/caf\\xe9\\x1b",
        "endpoint": "a",
        "about": "size",
        "says": "1",
        "majority": "2",
        "first_seen": "1970-01-01T00:00:01Z",
        "last_seen": "1970-01-02T00:00:00Z",
    }


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=f"cannot keep {FILE}"):
        Store(tmp_path / "file", 100)
    (tmp_path / FILE).write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigError, match=f"cannot keep {FILE}"):
        Store(tmp_path, 100)


async def test_workers_learn_from_each_other_and_a_restart_from_both(tmp_path):
    workers = [a_federation() for _ in range(2)]
    keeping = [Keeping(one.federation, await made(tmp_path, 100)) for one in workers]
    known = Learnt("/d/f", A, Fingerprint(5, MTIME_S), (GOOD,), workers[0].clock.wall())
    workers[0].federation.learn(known)
    workers[0].federation.asking.disagreements.take_over(())
    for one in keeping:
        await one.exchange()
    entry = workers[0].entry
    assert workers[1].federation.asking.learnt.of("/d/f", A, entry) == (GOOD,)
    workers[0].federation.forget("/d/f")
    for one in keeping:
        await one.close()
    later = a_federation()
    last = Keeping(later.federation, await made(tmp_path, 100))
    await last.exchange()
    assert later.federation.asking.learnt.of("/d/f", A, entry) == ()
    await last.close()
    for world in (*workers, later):
        await world.federation.close()
