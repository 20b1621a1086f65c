"""The endpoint that follows a script, when it is changed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from ugrpy.core.errors import Failed, TimedOut
from ugrpy.endpoints.base import Endpoint, Features
from ugrpy.namespace.model import Absent, Cause, Denied, Digest, Entry, Found, Kind, Unknown
from ugrpy.namespace.outcomes import Conflict, Done, Full, Outcome, Space, Told
from ugrpy.testing import (
    DONE_UNTOLD,
    FAILS,
    HANG,
    HANGS,
    HANGS_AFTER,
    Act,
    Reply,
    ScriptedEndpoint,
    run_virtual,
)
from ugrpy.testing.clock import WALL_START_S

NEW, FILE, COLLECTION = Done(created=True), Kind.FILE, Kind.COLLECTION
BROKEN = Unknown(Cause.FAILED, "as the script says")


def se() -> ScriptedEndpoint:
    endpoint = ScriptedEndpoint("uvic", writable=True)
    endpoint.add_file("/d/f", 5, digests=(Digest("md5", "00"),))
    endpoint.add_file("/d/sub/g", 7)
    endpoint.add_file("/h", 1)
    return endpoint


async def bytes_of(*pieces: bytes, gap_s: float = 0.0) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
        await asyncio.sleep(gap_s)


async def write(endpoint: ScriptedEndpoint, path: str, *pieces: bytes, **how: Any) -> Outcome:
    how = {"size_bytes": None, "idle_s": 5.0, **how}
    return await endpoint.write(path, bytes_of(*pieces), **how)


def paths(endpoint: ScriptedEndpoint) -> set[str]:
    return {*endpoint.script.files, *endpoint.script.collections}


START = paths(se())
STEPS: list[tuple[tuple[Any, ...], Outcome, set[str], set[str]]] = [
    (("make_collection", "/n"), NEW, set(), {"/n"}),
    (("make_collection", "/d"), Conflict(405, "there is something of that name"), set(), set()),
    (("make_collection", "/h/n"), Conflict(409, "there is no collection for it"), set(), set()),
    (("make_collection", "/n/m"), Conflict(409, "there is no collection for it"), set(), set()),
    (("delete", "/h", FILE), Done(), {"/h"}, set()),
    (("delete", "/d", COLLECTION), Done(), {"/d", "/d/f", "/d/sub", "/d/sub/g"}, set()),
    (("delete", "/none", FILE), Absent(), set(), set()),
    (("delete", "/", COLLECTION), Conflict(403, "not the root"), set(), set()),
    (("delete", "/d", FILE), Conflict(409, "it is of another kind"), set(), set()),
    (("move", "/h", "/k", FILE, False), NEW, {"/h"}, {"/k"}),
    (("move", "/h", "/d/f", FILE, True), Done(), {"/h"}, set()),
    (
        ("move", "/d", "/e", COLLECTION, False),
        NEW,
        {"/d", "/d/f", "/d/sub", "/d/sub/g"},
        {"/e", "/e/f", "/e/sub", "/e/sub/g"},
    ),
    (
        ("move", "/h", "/d/f", FILE, False),
        Conflict(412, "there is something of that name"),
        set(),
        set(),
    ),
    (
        ("move", "/h", "/n/k", FILE, True),
        Conflict(409, "there is no collection for it"),
        set(),
        set(),
    ),
    (("move", "/none", "/k", FILE, True), Absent(), set(), set()),
    (("copy", "/h", "/k", FILE, False), NEW, set(), {"/k"}),
    (("copy", "/h", "/d", FILE, True), Done(), {"/d/f", "/d/sub", "/d/sub/g"}, set()),
    (("copy", "/d", "/e", COLLECTION, False), NEW, set(), {"/e", "/e/f", "/e/sub", "/e/sub/g"}),
    (
        ("copy", "/d", "/d/sub/x", COLLECTION, True),
        Conflict(403, "one lies within the other"),
        set(),
        set(),
    ),
    (("move", "/d/f", "/d", FILE, True), Conflict(403, "one lies within the other"), set(), set()),
]


async def change(endpoint: ScriptedEndpoint, verb: str, *how: Any) -> Outcome:
    if verb in ("move", "copy"):
        *rest, overwrite = how
        outcome: Outcome = await getattr(endpoint, verb)(*rest, overwrite=overwrite)
        return outcome
    outcome = await getattr(endpoint, verb)(*how)
    return outcome


@pytest.mark.parametrize(("step", "outcome", "gone", "new"), STEPS)
def test_changes_of_the_little_tree(step, outcome, gone, new):
    endpoint = se()
    assert run_virtual(change(endpoint, *step)) == outcome
    assert paths(endpoint) == START - gone | new
    assert endpoint.calls == [step[:2]]
    names = tuple(part for part in step if isinstance(part, str) and not isinstance(part, Kind))
    assert endpoint.done == ([names] if isinstance(outcome, Done) else [])


def test_listings_and_contents_follow():
    endpoint = se()

    async def story() -> None:
        assert await write(endpoint, "/d/f", b"ab", b"c") == Done()
        assert await endpoint.copy("/d", "/e", COLLECTION, overwrite=False) == NEW
        listed: list[Entry] = []
        await endpoint.list("/e", listed.extend)
        assert listed == [
            Entry("f", FILE, 3, int(WALL_START_S)),
            Entry("sub", COLLECTION),
        ]
        assert await endpoint.digest("/e/f", ["adler32", "sha-256"]) == Told(
            (Digest("adler32", "024d0127"),)
        )
        assert await endpoint.move("/e/f", "/new", FILE, overwrite=False) == NEW
        assert await endpoint.stat("/e/f") == Absent()
        async with endpoint.open("/new", {"range": "bytes=1-1"}, idle_s=1) as part:
            assert (part.status, [piece async for piece in part.pieces]) == (206, [b"b"])
            assert part.headers["Content-Range"] == "bytes 1-1/3"
        listed.clear()
        await endpoint.list("/", listed.extend)
        assert [entry.name for entry in listed] == ["d", "h", "e", "new"]

    run_virtual(story())


def test_what_writes_depend_on():
    endpoint = se()

    async def story() -> None:
        assert await write(endpoint, "/d", b"x") == Conflict(
            405, "there is a collection of that name"
        )
        assert await write(endpoint, "/n/f", b"x") == Conflict(409, "there is no collection for it")
        assert await write(endpoint, "/k", b"abc", size_bytes=3) == NEW
        assert await write(endpoint, "/k", b"ab", size_bytes=3) == Unknown(
            Cause.FAILED, "the body ended early"
        )
        for name, path in (("If-None-Match", "/k"), ("if-match", "/none")):
            assert await write(endpoint, path, b"x", headers={name: "*"}) == Conflict(
                412, "the condition does not hold"
            )
        assert await write(endpoint, "/k", b"x", headers={"If-Match": "*"}) == Done()
        slow = bytes_of(b"a", b"b", gap_s=9.0)
        assert await endpoint.write("/k", slow, size_bytes=None, idle_s=5.0) == Unknown(
            Cause.TIMEOUT, "the body stopped coming"
        )
        endpoint.script.makes_parents = True
        assert await write(endpoint, "/n/m/f", b"x") == NEW
        assert await write(endpoint, "/h/f", b"x") == Conflict(409, "there is no collection for it")

    run_virtual(story())
    assert endpoint.script.content_at("/k") == b"x"
    assert {"/n", "/n/m"} <= endpoint.script.collections


def test_a_body_that_fails_leaves_what_was_there():
    endpoint = se()

    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise Failed("gone")

    outcome = run_virtual(endpoint.write("/h", broken(), size_bytes=None, idle_s=1))
    assert outcome == Unknown(Cause.FAILED, "gone")
    assert endpoint.script.files["/h"].size_bytes == 1
    assert endpoint.done == []


def test_room():
    endpoint = se()
    assert run_virtual(endpoint.space()) is None
    endpoint.script.capacity_bytes = 15
    assert run_virtual(endpoint.space()) == Space(2, 13)

    async def story() -> None:
        assert await write(endpoint, "/k", b"abc") == Full("no room")
        assert await write(endpoint, "/h", b"abc") == Done()
        assert await endpoint.copy("/h", "/k", FILE, overwrite=False) == Full("no room")
        assert await endpoint.copy("/h", "/d/f", FILE, overwrite=True) == Done()
        assert await endpoint.move("/h", "/k", FILE, overwrite=False) == NEW

    run_virtual(story())


def test_digests_and_opening():
    endpoint = se()
    endpoint.on("/denied", Reply(Denied(401)))
    endpoint.on("/broken", Reply(BROKEN))

    async def story() -> None:
        assert await endpoint.digest("/d/f", ["md5"]) == Told((Digest("md5", "00"),))
        assert await endpoint.digest("/d", ["md5"]) == Told()
        assert await endpoint.digest("/none", ["md5"]) == Absent()
        assert await endpoint.digest("/h", ["sha-256"]) == Told()
        for path, headers, status, size in (
            ("/h", {}, 200, 1),
            ("/h", {"Range": "bytes=7-"}, 416, 0),
            ("/d", {}, 404, 0),
            ("/none", {}, 404, 0),
            ("/denied", {}, 401, 0),
        ):
            async with endpoint.open(path, headers, idle_s=1) as answer:
                body = b"".join([piece async for piece in answer.pieces])
                assert (answer.status, len(body)) == (status, size)
        with pytest.raises(Failed, match="as the script says"):
            async with endpoint.open("/broken", {}, idle_s=1):
                pass

    run_virtual(story())


Step = Callable[[ScriptedEndpoint], Coroutine[Any, Any, Outcome]]
VERBS: list[tuple[str, str, Step]] = [
    ("make_collection", "/n", lambda endpoint: endpoint.make_collection("/n")),
    ("delete", "/h", lambda endpoint: endpoint.delete("/h", FILE)),
    ("move", "/h", lambda endpoint: endpoint.move("/h", "/k", FILE, overwrite=False)),
    ("copy", "/h", lambda endpoint: endpoint.copy("/h", "/k", FILE, overwrite=False)),
    ("write", "/k", lambda endpoint: write(endpoint, "/k", b"abc")),
]


@pytest.mark.parametrize(("verb", "path", "step"), VERBS)
@pytest.mark.parametrize(
    ("act", "happens"),
    [(FAILS, False), (DONE_UNTOLD, True), (HANGS, False), (HANGS_AFTER, True)],
)
def test_failing_and_hanging_before_and_after(verb, path, step, act, happens):
    endpoint = se()
    endpoint.acts(verb, act, Act())

    async def story() -> None:
        if act.hangs:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(60):
                    await step(endpoint)
            assert endpoint.cancelled == [(verb, path)]
        else:
            assert await step(endpoint) == BROKEN
        assert (paths(endpoint) != START) is happens
        assert len(endpoint.done) == happens
        if not happens:
            assert isinstance(await step(endpoint), Done)

    run_virtual(story())


def test_times_errors_and_places():
    endpoint = ScriptedEndpoint("uvic", writable=True, latency_s=0.5)
    endpoint.acts("make_collection", Act(after_s=2.0, until_told_s=3.0))
    endpoint.acts("make_collection", Act(error=TimedOut("silent")), path="/b")

    async def story() -> None:
        loop = asyncio.get_running_loop()
        await endpoint.make_collection("/a")
        assert loop.time() == 5.0
        with pytest.raises(TimedOut):
            await endpoint.make_collection("/b")
        assert loop.time() == 5.5

    run_virtual(story())
    assert endpoint.done == [("make_collection", "/a"), ("make_collection", "/b")]


def test_a_write_that_breaks_off_in_its_middle():
    for done, left in ((True, b"ab"), (False, b"old")):
        endpoint = se()
        assert run_virtual(write(endpoint, "/k", b"old")) == NEW
        endpoint.acts("write", Act(done=done, takes_bytes=2))
        assert run_virtual(write(endpoint, "/k", b"abc", size_bytes=3)) == BROKEN
        assert endpoint.script.content_at("/k") == left


def test_what_answers_everything_refuses_every_change():
    endpoint = se()
    endpoint.everything(Reply(Denied(403)))
    for _, _, step in VERBS:
        assert run_virtual(step(endpoint)) == Denied(403)
    endpoint.everything(Reply(Found(Entry("", COLLECTION))))
    assert run_virtual(endpoint.make_collection("/n")) == BROKEN
    endpoint.everything(HANG)

    async def story() -> None:
        for ask in (endpoint.make_collection("/n"), endpoint.space(), endpoint.digest("/h", [])):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(9):
                    await ask

    run_virtual(story())
    assert paths(endpoint) == START


def test_only_a_writable_one_takes_changes():
    endpoint: Endpoint = ScriptedEndpoint("uvic")
    assert not endpoint.features.writable
    scripted = ScriptedEndpoint("uvic", features=Features(writable=True))
    for _, _, step in VERBS:
        scripted.writable = False
        assert run_virtual(step(scripted)) == Conflict(501, "this endpoint takes no changes")
    assert scripted.calls == []
    scripted.features = Features(writable=True, dialect="other")
    assert scripted.writable
    assert isinstance(run_virtual(scripted.make_collection("/n")), Done)


def test_acts_of_nothing():
    endpoint = se()
    with pytest.raises(ValueError, match="at least one"):
        endpoint.acts("delete")
    with pytest.raises(ValueError, match="no change"):
        endpoint.acts("stat", FAILS)


def test_a_scripted_name_without_a_parent_can_be_deleted():
    endpoint = ScriptedEndpoint("uvic", writable=True)
    endpoint.on("/odd/f", Reply(Found(Entry("f", FILE, 1))))
    assert run_virtual(endpoint.delete("/odd/f", FILE)) == Done()
    assert run_virtual(endpoint.stat("/odd/f")) == Absent()
