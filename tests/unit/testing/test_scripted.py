"""The endpoint that follows a script."""

import asyncio
from collections.abc import Sequence

import pytest

from ugrpy.core.errors import TimedOut
from ugrpy.endpoints.base import Endpoint, Features, Probe, Verb
from ugrpy.namespace.model import Absent, Cause, Entry, Found, Kind, Unknown
from ugrpy.testing import HANG, Reply, ScriptedEndpoint, run_virtual

FILE = Entry("f", Kind.FILE, 10)


async def listed(endpoint: ScriptedEndpoint, path: str) -> tuple[list[list[Entry]], object]:
    pieces: list[list[Entry]] = []

    def children(piece: Sequence[Entry]) -> None:
        pieces.append(list(piece))

    return pieces, await endpoint.list(path, children)


def now() -> float:
    return asyncio.get_running_loop().time()


def test_it_keeps_the_contract():
    endpoint: Endpoint = ScriptedEndpoint("uvic")
    assert endpoint.id == "uvic"
    assert endpoint.base_url == "https://uvic.example"
    assert endpoint.features == Features(dialect="scripted")
    assert endpoint.url("/a b", Verb.PUT) == "https://uvic.example/a%20b"
    assert run_virtual(endpoint.stat("/")) == Found(Entry("", Kind.COLLECTION))
    assert run_virtual(endpoint.stat("/none")) == Absent()


def test_a_tree_of_files_is_consistent():
    endpoint = ScriptedEndpoint("uvic")
    endpoint.add_file("/atlas/f", 10)
    endpoint.add_file("/atlas/g", 20, 5)
    endpoint.add_file("/atlas/g", 21, 6)
    endpoint.add_collection("/atlas/deep/er")

    async def story() -> None:
        assert await endpoint.stat("/atlas/f") == Found(FILE)
        root, what = await listed(endpoint, "/")
        assert (root, what) == ([[Entry("atlas", Kind.COLLECTION)]], await endpoint.stat("/"))
        (names,), what = await listed(endpoint, "/atlas")
        assert names == [FILE, Entry("g", Kind.FILE, 21, 6), Entry("deep", Kind.COLLECTION)]
        assert what == Found(Entry("atlas", Kind.COLLECTION))
        assert await listed(endpoint, "/atlas/f") == ([], Found(FILE))

    run_virtual(story())


@pytest.mark.parametrize("path", ["/", "/a/", "a"])
def test_odd_paths_are_refused(path):
    with pytest.raises(ValueError, match="below the root"):
        ScriptedEndpoint("uvic").add_file(path)


def test_replies_come_in_turn_and_the_last_one_stays():
    endpoint = ScriptedEndpoint("uvic")
    endpoint.on("/f", Reply(error=TimedOut("silent")), Reply(Found(FILE)))

    async def story() -> None:
        with pytest.raises(TimedOut, match="silent"):
            await endpoint.stat("/f")
        with pytest.raises(TimedOut, match="silent"):
            await listed(endpoint, "/f")
        assert await endpoint.stat("/f") == Found(FILE)
        assert await endpoint.stat("/f") == Found(FILE)

    run_virtual(story())
    assert endpoint.calls == [("stat", "/f"), ("list", "/f"), ("stat", "/f"), ("stat", "/f")]
    with pytest.raises(ValueError, match="at least one"):
        endpoint.on("/f")


def test_latency_of_the_endpoint_and_of_one_answer():
    endpoint = ScriptedEndpoint("uvic", latency_s=0.5)
    endpoint.on("/slow", Reply(after_s=3.0))

    async def story() -> None:
        await endpoint.stat("/")
        assert now() == pytest.approx(0.5)
        await endpoint.stat("/slow")
        assert now() == pytest.approx(3.5)

    run_virtual(story())


def test_a_listing_arrives_in_pieces_and_may_break_off():
    entries = tuple(Entry(str(n), Kind.FILE) for n in range(5))
    endpoint = ScriptedEndpoint("uvic")
    broken = Unknown(Cause.UNREACHABLE, "reset")
    endpoint.on("/", Reply(broken, entries, piece_size=2, gap_s=1.0))

    async def story() -> None:
        pieces, what = await listed(endpoint, "/")
        assert [len(piece) for piece in pieces] == [2, 2, 1]
        assert what == broken
        assert now() == 3.0

    run_virtual(story())


def test_hanging_and_giving_up_is_recorded():
    endpoint = ScriptedEndpoint("uvic")
    endpoint.everything(HANG)

    async def story() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await endpoint.stat("/f")

    run_virtual(story())
    assert endpoint.cancelled == [("stat", "/f")]
    assert endpoint.pending == 0
    assert repr(endpoint) == ("<ScriptedEndpoint uvic: 1 names, 1 calls, 0 pending, 1 cancelled>")
    endpoint.everything(None)
    assert run_virtual(endpoint.stat("/f")) == Absent()


def test_probes():
    endpoint = ScriptedEndpoint("uvic", latency_s=0.1)

    async def story() -> None:
        assert await endpoint.probe() == Probe(alive=True, latency_s=0.1, status=200)
        endpoint.probe_reply = None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await endpoint.probe()
        await endpoint.close()

    run_virtual(story())
    assert endpoint.calls == [("probe", "/"), ("probe", "/")]
    assert endpoint.closed
