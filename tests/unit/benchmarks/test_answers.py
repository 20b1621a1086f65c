"""Cutting answers out of a stream: whole, byte by byte, and with a tail."""

import pytest

from benchmarks.answers import Broken, Partial, whole_status

EMPTY = b"HTTP/1.1 302 Found\r\nLocation: http://a/b\r\nContent-Length: 0\r\n\r\n"
PLAIN = b"HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n"
)
BODILESS = b"HTTP/1.1 204 No Content\r\nDate: today\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status"), [(EMPTY, b"302"), (PLAIN, b"404"), (CHUNKED, b"207"), (BODILESS, b"204")]
)
def test_an_answer_is_whole_with_its_last_byte(data, status):
    assert Partial().feed(data)
    for cut in range(1, len(data)):
        partial = Partial()
        assert not partial.feed(data[:cut])
        assert partial.feed(data[cut:])
        assert partial.status == status
    bytewise = Partial()
    assert [bytewise.feed(data[n : n + 1]) for n in range(len(data))].index(True) == len(data) - 1


def test_the_common_case_is_recognised_at_once():
    assert whole_status(EMPTY) == b"302"
    assert whole_status(PLAIN.replace(b"content-length", b"Content-Length")) == b"404"


@pytest.mark.parametrize("data", [b"", EMPTY[:-1], PLAIN[:-1], PLAIN + b"!", CHUNKED, BODILESS])
def test_anything_else_is_left_to_the_slow_path(data):
    assert whole_status(data) is None


def test_bytes_behind_the_end_are_an_error():
    with pytest.raises(Broken, match="behind the end"):
        Partial().feed(PLAIN + b"!")


def test_an_answer_must_say_how_long_it_is():
    with pytest.raises(Broken, match="without a length"):
        Partial().feed(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")
