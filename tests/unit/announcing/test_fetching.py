"""Where calendars come from, and what is refused."""

import os

import pytest

from tests.faults.raw_server import RawServer, always, http
from ugrpy.announcing.fetching import Fetching
from ugrpy.announcing.settings import Feed, FeedFormat
from ugrpy.core.errors import DataError, Failed, Malformed, TimedOut


def fetching(source: str, max_bytes: int = 100) -> Fetching:
    return Fetching(Feed(format=FeedFormat.SIMPLE, source=source, name="it"), max_bytes)


async def test_a_file_is_read_again_when_it_has_changed(tmp_path):
    file = tmp_path / "calendar.toml"
    file.write_bytes(b"one")
    one = fetching(str(file))
    assert await one.fetch() == b"one"
    assert await one.fetch() is None
    file.write_bytes(b"three")
    assert await one.fetch() == b"three"
    one.forget()
    assert await one.fetch() == b"three"
    with pytest.raises(FileNotFoundError):
        await fetching(str(tmp_path / "nothing")).fetch()


async def test_a_file_is_not_longer_than_allowed(tmp_path):
    file = tmp_path / "calendar.toml"
    file.write_bytes(b"x" * 101)
    with pytest.raises(DataError, match="longer than 100 bytes"):
        await fetching(str(file)).fetch()
    os.truncate(file, 100)
    assert await fetching(str(file)).fetch() == b"x" * 100


async def test_what_has_not_changed_is_not_sent_again():
    answer = http(200, b"one", 'ETag: "7"', "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT")
    async with RawServer(always(answer)) as server:
        one = fetching(server.url)
        assert await one.fetch() == b"one"
        assert await one.fetch() == b"one"
        first, second = server.requests
        assert "if-none-match" not in first.headers
        assert second.headers["if-none-match"] == '"7"'
        assert second.headers["if-modified-since"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        one.forget()
        await one.fetch()
        assert "if-none-match" not in server.requests[-1].headers


async def test_304_is_nothing_new_to_those_who_have_something():
    async with RawServer(always(http(304))) as server:
        one = fetching(server.url)
        with pytest.raises(Malformed, match="it answered 304"):
            await one.fetch()
        one._validators = {"If-None-Match": '"7"'}
        assert await one.fetch() is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (http(404), Malformed),
        (http(500), Failed),
        (http(200, b"x" * 101), DataError),
        (http(302, b"", "Location: /again"), Malformed),
        (http(302, b"", "Location: ftp://elsewhere.example/"), Malformed),
        (http(302), Malformed),
        (b"nonsense\r\n\r\n", Malformed),
    ],
)
async def test_what_is_no_answer(answer, error):
    async with RawServer(always(answer)) as server:
        with pytest.raises(error):
            await fetching(f"{server.url}/calendar").fetch()


async def test_a_body_that_never_ends_is_not_waited_for():
    async with RawServer(always(http(200, b"short", length=50))) as server:
        one = fetching(server.url)
        one.timeout_s = 0.3
        with pytest.raises(TimedOut):
            await one.fetch()


async def test_a_redirect_is_followed():
    async with (
        RawServer(always(http(200, b"there"))) as there,
        RawServer(always(http(301, b"", f"Location: {there.url}/x"))) as here,
    ):
        assert await fetching(here.url).fetch() == b"there"
        assert there.requests[0].target == "/x"
