"""One SQLite database: what was done is there, what failed has left nothing, and nobody's failure is another's."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from ugrpy.core.errors import ConfigError, Unavailable
from ugrpy.journal.database import IN_MEMORY, Database

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY)"


async def made(path: Path, *, layout: int = 1, durable: bool = True) -> Database:
    return await asyncio.to_thread(
        lambda: Database(path, SCHEMA, layout, refusal="not kept", durable=durable)
    )


async def put(base: Database, number: int) -> None:
    await base.do(lambda one: one.execute("INSERT INTO t VALUES (?)", (number,)))


async def held(base: Database) -> list[int]:
    rows = await base.do(lambda one: one.execute("SELECT n FROM t ORDER BY n").fetchall())
    return [number for (number,) in rows]


@pytest.mark.parametrize("durable", [True, False])
async def test_what_was_done_is_there_at_the_next_start(tmp_path, durable):
    path = tmp_path / "state" / "x.sqlite"
    base = await made(path, durable=durable)
    await asyncio.gather(*(put(base, number) for number in range(50)))
    await base.close()
    again = await made(path)
    assert await held(again) == list(range(50))
    await again.close()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


async def test_what_is_in_memory_is_gone():
    base = await made(IN_MEMORY)
    await put(base, 1)
    assert await held(base) == [1]
    await base.close()
    other = await made(IN_MEMORY)
    assert await held(other) == []
    await other.close()


async def test_one_that_fails_takes_no_other_along():
    base = await made(IN_MEMORY)
    await put(base, 3)
    outcomes = await asyncio.gather(
        *(put(base, number) for number in (1, 2, 3, 4)), return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [type(None), type(None), Unavailable, type(None)]
    assert str(outcomes[2]) == "not kept"
    assert await held(base) == [1, 2, 3, 4]
    await base.close()


async def test_what_fails_in_the_middle_has_done_nothing():
    base = await made(IN_MEMORY)

    def half(one: sqlite3.Connection) -> None:
        one.execute("INSERT INTO t VALUES (1)")
        one.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(Unavailable):
        await base.do(half)
    assert await held(base) == []
    await base.close()


async def test_a_mistake_in_the_work_is_told_and_the_thread_goes_on():
    base = await made(IN_MEMORY)
    with pytest.raises(ZeroDivisionError):
        await base.do(lambda _one: 1 // 0)
    await put(base, 1)
    assert await held(base) == [1]
    await base.close()


async def test_what_was_begun_is_done_though_nobody_waits(tmp_path):
    base = await made(tmp_path / "x.sqlite")
    task = asyncio.ensure_future(put(base, 1))
    await asyncio.sleep(0)
    task.cancel()
    await base.close()
    again = await made(tmp_path / "x.sqlite")
    assert await held(again) == [1]
    await again.close()


async def test_a_file_of_another_version_is_left_alone(tmp_path):
    path = tmp_path / "x.sqlite"
    await (await made(path)).close()
    with pytest.raises(ConfigError, match=r"another version \(1\)"):
        await made(path, layout=2)
    await (await made(path)).close()
