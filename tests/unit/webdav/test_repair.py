"""Bytes that XML cannot carry: put aside, and put back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ugrpy.webdav.repair import Repair

START = b'<?xml version="1.0" encoding="utf-8"?>\n'


def through(body: bytes, step: int = 1 << 20) -> tuple[bytes, Repair]:
    """What the parser would read, the body fed in pieces."""
    repair = Repair()
    passed = b"".join(
        repair.feed(body[start : start + step]) for start in range(0, len(body), step)
    )
    return passed + repair.finish(), repair


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>plain\tand\r\nlines \x7f</a>",
        START + "<a>ünï é中 😀 \U0010feff \U000f0000</a>".encode(),
        b"\xef\xbb\xbf<a/>",
        b"no markup at all",
    ],
)
def test_what_is_fit_passes_untouched(body, step):
    passed, repair = through(body, step)
    assert (passed, repair.made) == (body, False)
    assert repair.restore("ü\U0010ff41") == "ü\U0010ff41"


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    "name",
    [
        b"latin-1 \xe9",
        b"\xff",
        b"control \x01\x1f\x00",
        b"no character \xef\xbf\xbe \xef\xbf\xbf",
        b"a surrogate \xed\xa0\x80",
        b"overlong \xc0\xaf",
        b"cut short \xe4\xb8",
        b"private already \xf4\x8f\xbc\x80 \xf4\x8f\xbf\xbf",
        "é".encode() + b"\xe9" + "é中".encode(),
    ],
)
def test_what_is_unfit_comes_out_as_it_was(name, step):
    passed, repair = through(START + b"<a>" + name + b"</a>", step)
    assert repair.made
    text = etree.fromstring(passed).text or ""
    assert repair.restore(text) == name.decode("utf-8", "surrogateescape")
    assert "made=True" in repr(repair)


@pytest.mark.parametrize(
    "body",
    [
        "<a>é</a>".encode("utf-16"),
        b"<\0a\0/\0>\0",
        b"\0<\0a\0/\0>",
        b'<?xml version="1.0" encoding="iso-8859-1"?><a>\xe9</a>',
        b"<?xml version='1.0' encoding = 'ISO-8859-1' ?><a>\xe9</a>",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_documents_in_other_encodings_are_left_alone(body, step):
    passed, repair = through(body, step)
    assert (passed, repair.made) == (body, False)


def test_little_is_held_back():
    repair = Repair()
    assert repair.feed(b"<?xml version='1.0'?") == b""
    assert repair.feed(b"><a>") == b"<?xml version='1.0'?><a>"
    assert repair.feed(b"x\xc3") == b"x"
    assert repair.feed(b"\xa9") == "é".encode()
    assert Repair().feed(b"x" * 300) == b"x" * 300


def test_text_without_anything_put_aside_is_not_touched():
    _, repair = through(b"<a>\xff</a>")
    for text in ("", "plain", "é"):
        assert repair.restore(text) is text


@given(st.binary(max_size=80), st.integers(1, 9))
def test_any_bytes_come_back(octets, step):
    name = octets.translate(None, b"<>&\r")  # markup, and what XML turns into a line feed
    passed, repair = through(START + b"<a>" + name + b"</a>", step)
    text = etree.fromstring(passed).text or ""
    assert repair.restore(text) == name.decode("utf-8", "surrogateescape")
