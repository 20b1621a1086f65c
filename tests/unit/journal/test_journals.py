"""What both journals promise, by one suite."""

import asyncio
from pathlib import Path

import pytest

from ugrpy.journal.base import Journal, OfName, Recorded
from ugrpy.journal.memory import MemoryJournal
from ugrpy.journal.store import SqliteJournal
from ugrpy.namespace.changes import Fingerprint, Operation, OperationKind, Removal, Upload, Why
from ugrpy.namespace.model import EndpointId, Kind

CERN, UVIC = EndpointId("cern"), EndpointId("uvic")
KNOWN = Fingerprint(7, 8)
ODD = "/d/\udcff ü'\"%"
OPERATION = Operation(
    "1.2.3", OperationKind.DELETE, "/d", "", Kind.FILE, ((CERN, KNOWN),), 1.0, 2.0
)


def upload(number: str, path: str = "/d/f") -> Upload:
    return Upload(path, number, CERN, 1.0, 2.0)


def removal(name: EndpointId = UVIC, path: str = "/d/f", why: Why = Why.DELETED) -> Removal:
    return Removal(path, name, KNOWN, why, 1.0, 2.0)


@pytest.fixture(params=[MemoryJournal, SqliteJournal], ids=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    made: Journal = MemoryJournal() if request.param is MemoryJournal else SqliteJournal(tmp_path)
    return made


async def test_an_empty_one_knows_nothing(journal):
    assert await journal.load() == Recorded()
    assert await journal.of("/d/f") == OfName()
    await journal.write()
    await journal.write(drops=[upload("1"), removal(), OPERATION])
    assert await journal.load() == Recorded()
    await journal.close()


async def test_what_is_written_is_there(journal):
    await journal.write([upload("1"), removal(), removal(CERN), OPERATION, removal(UVIC, ODD)])
    written = await journal.load()
    assert written.uploads == (upload("1"),)
    assert set(written.removals) == {removal(), removal(CERN), removal(UVIC, ODD)}
    assert written.operations == (OPERATION,)
    name = await journal.of("/d/f")
    assert name.upload == upload("1")
    assert set(name.removals) == {removal(), removal(CERN)}
    assert await journal.of(ODD) == OfName(None, (removal(UVIC, ODD),))
    assert await journal.of("/d") == OfName()
    assert repr(journal).startswith(f"<{type(journal).__name__} ")
    await journal.close()


async def test_a_record_takes_the_place_of_the_one_before(journal):
    await journal.write([upload("1"), removal()])
    await journal.write([upload("2"), removal(why=Why.BROKEN)])
    assert await journal.of("/d/f") == OfName(upload("2"), (removal(why=Why.BROKEN),))
    await journal.close()


async def test_drops_come_before_puts(journal):
    await journal.write([upload("1"), removal(), OPERATION])
    await journal.write([removal(CERN)], [removal(CERN), upload("1"), OPERATION])
    written = await journal.load()
    assert (written.uploads, written.operations) == ((), ())
    assert set(written.removals) == {removal(), removal(CERN)}
    await journal.close()


async def test_an_upload_that_was_followed_is_not_dropped(journal):
    await journal.write([upload("2")])
    await journal.write(drops=[upload("1")])
    assert (await journal.of("/d/f")).upload == upload("2")
    await journal.write(drops=[upload("2")])
    assert await journal.of("/d/f") == OfName()
    await journal.close()


async def test_a_claim_is_granted_to_who_knows_the_latest_only(journal):
    assert await journal.claim(upload("1"), "") is None
    assert await journal.claim(upload("2"), "") == upload("1")
    assert await journal.claim(upload("2"), "0") == upload("1")
    assert await journal.claim(upload("2"), "1") is None
    assert (await journal.of("/d/f")).upload == upload("2")
    # the one before is over meanwhile: nobody is in the way
    await journal.write(drops=[upload("2")])
    assert await journal.claim(upload("3"), "2") is None
    await journal.close()


async def test_a_claim_takes_over_the_removals_of_its_name_and_of_no_other(journal):
    await journal.write([removal(), removal(CERN), removal(UVIC, "/d/g")])
    assert await journal.claim(upload("1"), "") is None
    assert (await journal.load()).removals == (removal(UVIC, "/d/g"),)
    # who is refused changes nothing
    await journal.write([removal()])
    assert await journal.claim(upload("2"), "") == upload("1")
    assert await journal.of("/d/f") == OfName(upload("1"), (removal(),))
    await journal.close()


async def test_of_many_claims_at_once_one_is_granted(journal):
    claims = await asyncio.gather(*(journal.claim(upload(str(n)), "") for n in range(50)))
    granted = [number for number, standing in enumerate(claims) if standing is None]
    assert len(granted) == 1
    winner = upload(str(granted[0]))
    assert {standing for standing in claims if standing is not None} == {winner}
    assert (await journal.of("/d/f")).upload == winner
    await journal.close()
