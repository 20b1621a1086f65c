"""Whatever is written in whatever order, the journal on the disk says what the one in memory says, also after it was closed and opened."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.properties.under_way import FILES, operations, removals, uploads
from ugrpy.changing.ground import News
from ugrpy.changing.news import parse_news, render_news
from ugrpy.journal.base import OfName, Recorded
from ugrpy.journal.memory import MemoryJournal
from ugrpy.journal.records import parse_operation, parse_removal, parse_upload, render_record
from ugrpy.journal.store import SqliteJournal
from ugrpy.namespace.changes import Operation, Record, Removal, Upload

T = TypeVar("T")

RECORDS = uploads() | removals() | operations()
BATCHES = st.lists(RECORDS, max_size=4)
NEWS = st.builds(News, st.lists(FILES).map(tuple), st.booleans(), st.booleans())


@given(RECORDS)
def test_records_are_read_back(record):
    text = render_record(record)
    assert text.isascii()
    match record:
        case Upload():
            assert parse_upload(text) == record
        case Removal():
            assert parse_removal(text) == record
        case Operation():
            assert parse_operation(text) == record


@given(NEWS)
def test_news_is_read_back(news):
    assert parse_news(render_news(news)) == news


def sets(written: Recorded) -> tuple[set[Upload], set[Removal], set[Operation]]:
    return set(written.uploads), set(written.removals), set(written.operations)


def of_name(written: OfName) -> tuple[Upload | None, set[Removal]]:
    return written.upload, set(written.removals)


class BothJournals(RuleBasedStateMachine):
    """The same things are done to both, and both must say the same."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.memory = MemoryJournal()
        self.sqlite = SqliteJournal(self.folder)

    def run(self, work: Coroutine[None, None, T]) -> T:
        return self.runner.run(work)

    @rule(puts=BATCHES, drops=BATCHES)
    def write(self, puts: list[Record], drops: list[Record]) -> None:
        self.run(self.memory.write(puts, drops))
        self.run(self.sqlite.write(puts, drops))

    @rule(data=st.data())
    def drop_what_is_there(self, data: st.DataObject) -> None:
        written = self.run(self.memory.load())
        there: list[Record] = [*written.uploads, *written.removals, *written.operations]
        if there:
            gone: list[Record] = [data.draw(st.sampled_from(there))]
            self.run(self.memory.write(drops=gone))
            self.run(self.sqlite.write(drops=gone))

    @rule(upload=uploads(), data=st.data())
    def claim(self, upload: Upload, data: st.DataObject) -> None:
        standing = self.run(self.memory.of(upload.path)).upload
        after = data.draw(st.sampled_from(["", "a", "" if standing is None else standing.number]))
        expected = self.run(self.memory.claim(upload, after))
        assert self.run(self.sqlite.claim(upload, after)) == expected

    @rule()
    def open_again(self) -> None:
        self.run(self.sqlite.close())
        self.sqlite = SqliteJournal(self.folder)

    @invariant()
    def they_say_the_same(self) -> None:
        written = self.run(self.memory.load())
        assert sets(self.run(self.sqlite.load())) == sets(written)

    @rule(path=FILES)
    def they_say_the_same_of_a_name(self, path: str) -> None:
        expected = of_name(self.run(self.memory.of(path)))
        assert of_name(self.run(self.sqlite.of(path))) == expected

    def teardown(self) -> None:
        self.run(self.sqlite.close())
        self.runner.close()
        shutil.rmtree(self.folder)


# each step flushes the disk
BothJournals.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestBothJournals = BothJournals.TestCase
