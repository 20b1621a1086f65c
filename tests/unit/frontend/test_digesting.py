"""Which checksums a request wants, and how they are told with a HEAD, a redirect and a metalink."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from tests.unit.frontend.world import World, a_world
from ugrpy.core.errors import TimedOut
from ugrpy.frontend.digesting import (
    Wanted,
    tell_digests,
    tell_why_not,
    wanted_digests,
    wants_digest,
)
from ugrpy.namespace.model import Digest
from ugrpy.testing import Reply

MTIME_S = 1_600_000_000
ADLER = Digest("adler32", "03da0195")
MD5 = Digest("md5", "900150983cd24fb0d6963f7d28e17f72")
IN_BASE64 = "kAFQmDzST7DWlj99KOF/cg=="


def proxied(*headers: tuple[str, str]) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(headers))


@pytest.mark.parametrize(
    ("headers", "wanted", "algorithms"),
    [
        ((), Wanted(), ()),
        ((("want-digest", "MD5"),), Wanted(("md5",)), ("md5",)),
        (
            (("Want-Digest", "md5;q=0.1"), ("Want-Digest", "Adler32")),
            Wanted(("adler32", "md5")),
            ("adler32", "md5"),
        ),
        (
            (("Want-Repr-Digest", "sha-256=1, md5=9"), ("Want-Digest", "adler32, md5;q=0.5")),
            Wanted(("adler32", "md5"), ("md5", "sha-256")),
            ("adler32", "md5", "sha-256"),
        ),
        ((("Want-Digest", "unixsum"),), Wanted(), ()),
    ],
)
def test_what_is_wanted(headers, wanted, algorithms):
    asked = wanted_digests(proxied(*headers))
    assert (asked, asked.algorithms) == (wanted, algorithms)
    assert wants_digest(proxied(*headers)) == bool(headers)


def test_each_family_is_told_what_it_asked_for():
    headers: CIMultiDict[str] = CIMultiDict()
    tell_digests(headers, Wanted(("adler32", "md5"), ("md5",)), (ADLER, MD5))
    assert dict(headers) == {
        "Digest": f"adler32=03da0195,md5={IN_BASE64}",
        "Repr-Digest": f"md5=:{IN_BASE64}:",
    }
    headers.clear()
    tell_digests(headers, Wanted(("sha-256",)), (ADLER,))
    assert not headers


def test_why_there_is_none_stands_beside_what_else_is_wrong():
    headers: CIMultiDict[str] = CIMultiDict()
    tell_why_not(headers, 'it is "broken"')
    assert headers["Proxy-Status"] == 'ugrpy; details="no checksum: it is \\"broken\\""'
    tell_why_not(headers, "x")
    assert headers["Proxy-Status"].endswith(', ugrpy; details="no checksum: x"')


def a_world_of_files() -> World:
    world = a_world()
    for endpoint in (world.one, world.two):
        endpoint.add_file("/d/f", 5, MTIME_S)
        endpoint.add_file("/d/told", 5, MTIME_S, (ADLER, MD5))
        endpoint.add_file("/d/none", 5, MTIME_S)
    return world


def digests_asked(world: World) -> int:
    return sum(call[0] == "digest" for one in (world.one, world.two) for call in one.calls)


async def test_head_tells_what_was_told_in_passing_without_asking():
    world = a_world_of_files()
    answer = await world.ask("HEAD", "/d/told", Want_Digest="MD5")
    assert (answer.status, answer.headers["Digest"]) == (200, f"md5={IN_BASE64}")
    assert digests_asked(world) == 0
    assert "Digest" not in (await world.ask("HEAD", "/d/told")).headers


async def test_head_asks_the_preferred_storage():
    world = a_world_of_files()
    answer = await world.ask("HEAD", "/d/f", Want_Digest="sha-512, adler32;q=0.5")
    assert answer.status == 200
    assert answer.headers["Digest"].startswith("adler32=")
    assert answer.headers["Content-Length"] == "5"
    assert [one[0] for one in world.one.calls].count("digest") == 1
    assert "Proxy-Status" not in answer.headers


@pytest.mark.parametrize("wanted", ["sha-512", "unixsum", ""])
async def test_head_without_a_checksum_is_200_and_says_why(wanted):
    world = a_world_of_files()
    answer = await world.ask("HEAD", "/d/none", Want_Digest=wanted)
    assert answer.status == 200
    assert "Digest" not in answer.headers
    assert "no checksum" in answer.headers["Proxy-Status"]


async def test_head_of_a_collection_or_of_nothing_has_no_checksum():
    world = a_world_of_files()
    assert (await world.ask("HEAD", "/d/nothing", Want_Digest="md5")).status == 404
    answer = await world.ask("HEAD", "/d/", Want_Digest="md5")
    assert (answer.status, "Proxy-Status" in answer.headers) == (200, False)
    assert digests_asked(world) == 0


async def test_head_is_answered_when_all_that_hold_the_file_have_gone():
    world = a_world_of_files()
    assert (await world.ask("HEAD", "/d/f")).status == 200
    for one in (world.one, world.two):
        one.everything(Reply(error=TimedOut("silent", endpoint=one.id)))
    for _failure in range(5):
        await world.ask("HEAD", "/d/another")
    answer = await world.ask("HEAD", "/d/f", Want_Digest="md5")
    assert answer.status == 200
    assert "no checksum" in answer.headers["Proxy-Status"]


async def test_a_redirect_carries_what_is_known_and_asks_nobody():
    world = a_world_of_files()
    for _again in range(3):
        answer = await world.ask("GET", "/d/told", Want_Digest="SHA-512;q=1, md5;q=0.1")
        assert (answer.status, answer.headers["Digest"]) == (302, f"md5={IN_BASE64}")
        plain = await world.ask("GET", "/d/told")
        # a head that was made before has no headers of its own, and none of another's
        assert b"Digest" not in getattr(plain.response, "_head", b"")
    answer = await world.ask("GET", "/d/f", Want_Digest="md5")
    assert (answer.status, "Digest" in answer.headers) == (302, False)
    assert digests_asked(world) == 0
    # it would be of the redirect (RFC 9530 section 3)
    answer = await world.ask("GET", "/d/told", Want_Repr_Digest="md5=1")
    assert not {"Digest", "Repr-Digest"} & set(answer.headers)


async def test_what_was_learnt_is_in_metalinks_and_on_redirects():
    world = a_world_of_files()
    digest = (await world.ask("HEAD", "/d/f", Want_Digest="adler32")).headers["Digest"]
    assert (await world.ask("GET", "/d/f", Want_Digest="adler32")).headers["Digest"] == digest
    document = (await world.ask("GET", "/d/f?metalink=3")).body.decode()
    assert digest.partition("=")[2] in document
