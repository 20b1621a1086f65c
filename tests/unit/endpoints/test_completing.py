"""Bare listings made whole, in virtual time: how many are asked about at once, and until when?"""

import asyncio

import pytest

from ugrpy.core.aio import cancel_and_wait, spawn
from ugrpy.endpoints.base import Endpoint, Verb
from ugrpy.endpoints.completing import CompletingEndpoint
from ugrpy.namespace.model import Absent, Cause, Denied, Entry, Found, Kind, Unknown
from ugrpy.testing.loop import run_virtual
from ugrpy.testing.scripted import Reply, ScriptedEndpoint

COLLECTION = Found(Entry("c", Kind.COLLECTION))
WITHIN_S = 8.0


def bare(name: str) -> Entry:
    return Entry(name, Kind.FILE)


def known(name: str, size_bytes: int = 7) -> Entry:
    return Entry(name, Kind.FILE, size_bytes, 1000)


class Heard:
    """What a listing handed over, and when each child came."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.at_s: dict[str, float] = {}

    def __call__(self, part) -> None:
        now = asyncio.get_running_loop().time()
        self.entries.extend(part)
        self.at_s |= {one.name: now for one in part}


def scripted(*children: Entry, after_s: float = 1.0, **replies: Reply) -> ScriptedEndpoint:
    """``/c`` lists these children; each is described by itself after ``after_s``, unless a reply says otherwise."""
    inner = ScriptedEndpoint("uvic")
    inner.on("/c", Reply(COLLECTION, children))
    for child in children:
        described = known(child.name) if child.size_bytes is None else child
        inner.on(f"/c/{child.name}", Reply(Found(described), after_s=after_s))
    for name, reply in replies.items():
        inner.on(f"/c/{name}", reply)
    return inner


def listing(inner: ScriptedEndpoint, at_once: int = 4):
    """(observation, what was heard, seconds it took)."""

    async def work():
        heard = Heard()
        endpoint = CompletingEndpoint(inner, at_once=at_once, within_s=WITHIN_S)
        said = await endpoint.list("/c", heard)
        return said, heard, asyncio.get_running_loop().time()

    return run_virtual(work())


def test_files_without_a_size_are_asked_about_and_no_others():
    sub = Entry("sub", Kind.COLLECTION)
    inner = scripted(bare("a"), known("b", 3), sub, bare("z"))
    said, heard, took_s = listing(inner)
    assert said == COLLECTION
    assert sorted(heard.entries, key=lambda one: one.name) == [
        known("a"),
        known("b", 3),
        sub,
        known("z"),
    ]
    assert inner.calls == [("list", "/c"), ("stat", "/c/a"), ("stat", "/c/z")]
    assert heard.at_s == {"b": 0.0, "sub": 0.0, "a": 1.0, "z": 1.0}
    assert took_s == 1.0


@pytest.mark.parametrize(("at_once", "took_s"), [(1, 6.0), (2, 3.0), (4, 2.0), (100, 1.0)])
def test_no_more_are_asked_about_at_once_than_allowed(at_once, took_s):
    names = "abcdef"
    inner = scripted(*(bare(name) for name in names))
    _, heard, took = listing(inner, at_once)
    assert took == took_s
    assert sorted(one.name for one in heard.entries) == list(names)
    assert all(one.size_bytes == 7 for one in heard.entries)
    at_each = [list(heard.at_s.values()).count(second) for second in set(heard.at_s.values())]
    assert max(at_each) <= at_once


def test_who_does_not_answer_in_time_is_listed_as_before():
    inner = scripted(
        bare("a"), bare("late"), bare("hung"), late=Reply(after_s=60), hung=Reply(hangs=True)
    )
    said, heard, took_s = listing(inner)
    assert said == COLLECTION
    assert took_s == WITHIN_S
    assert sorted(heard.entries, key=lambda one: one.name) == [
        known("a"),
        bare("hung"),
        bare("late"),
    ]
    assert sorted(inner.cancelled) == [("stat", "/c/hung"), ("stat", "/c/late")]
    assert inner.pending == 0


def test_those_whose_turn_never_came_are_listed_too():
    names = [f"f{number:02}" for number in range(20)]
    inner = scripted(*(bare(name) for name in names), after_s=3.0)
    _, heard, took_s = listing(inner, at_once=2)
    assert took_s == WITHIN_S
    assert sorted(one.name for one in heard.entries) == names
    assert sum(one.size_bytes is not None for one in heard.entries) == 4


@pytest.mark.parametrize(
    ("reply", "listed"),
    [
        (Reply(Absent()), []),
        (Reply(Denied()), [bare("f")]),
        (Reply(Unknown(Cause.FAILED)), [bare("f")]),
        (Reply(Found(Entry("f", Kind.COLLECTION))), [Entry("f", Kind.COLLECTION)]),
        (Reply(Found(bare("f"))), [bare("f")]),
    ],
)
def test_what_is_said_of_a_child_says_nothing_against_the_listing(reply, listed):
    said, heard, _ = listing(scripted(bare("f"), f=reply))
    assert said == COLLECTION
    assert heard.entries == listed


def test_a_listing_that_broke_off_is_not_asked_about_further():
    broken = Unknown(Cause.UNREACHABLE)
    inner = ScriptedEndpoint("uvic")
    inner.on("/c", Reply(broken, (bare("a"), known("b"))))
    said, heard, took_s = listing(inner)
    assert (said, took_s) == (broken, 0.0)
    assert sorted(heard.entries, key=lambda one: one.name) == [bare("a"), known("b")]
    assert inner.calls == [("list", "/c")]


def test_time_counts_from_the_question():
    inner = scripted(bare("a"))
    inner.on("/c", Reply(COLLECTION, (bare("a"),), after_s=WITHIN_S - 0.5))
    _, heard, took_s = listing(inner)
    assert (heard.entries, took_s) == ([bare("a")], WITHIN_S)


def test_leaving_leaves_no_question_behind():
    inner = scripted(*(bare(name) for name in "abcd"), after_s=5.0)

    async def work():
        endpoint = CompletingEndpoint(inner, at_once=2, within_s=WITHIN_S)
        asking = spawn(endpoint.list("/c", lambda _: None), name="listing")
        await asyncio.sleep(1)
        assert inner.pending == 2
        await cancel_and_wait(asking)
        assert asking.cancelled()
        assert inner.pending == 0

    run_virtual(work())


def test_everything_else_is_the_endpoint_s():
    inner = scripted(bare("a"))

    async def work():
        endpoint: Endpoint = CompletingEndpoint(inner, at_once=2, within_s=WITHIN_S)
        assert (endpoint.id, endpoint.base_url) == (inner.id, inner.base_url)
        assert endpoint.features is inner.features
        assert endpoint.trouble == inner.trouble
        assert endpoint.url("/c/a", Verb.GET) == inner.url("/c/a")
        assert await endpoint.stat("/c/a") == Found(known("a"))
        assert (await endpoint.probe()).alive
        await endpoint.close()
        assert inner.closed
        assert "uvic" in repr(endpoint)
        assert "2 at once" in repr(endpoint)

    run_virtual(work())
