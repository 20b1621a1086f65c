"""Laws of COPY and MOVE: a name survives its way through Destination, and nonsense raises nothing but ours."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.test_codecs import PATHS
from ugrpy.core.errors import BadRequest
from ugrpy.core.urls import encode_path, join_url
from ugrpy.namespace.paths import can_be_asked_for
from ugrpy.webdav.copying import (
    CopyMode,
    parse_copy,
    parse_move,
    parse_place,
    transfer_headers,
)

ANY_TEXT = st.text() | st.text(st.sampled_from("ht:p/s%2Fa@#?[]. \t\r\n\\é\udcff\ud800"))
NAMED = PATHS.filter(can_be_asked_for)


@given(NAMED, st.sampled_from(["", "http://h.example", "https://[::1]:8443"]))
def test_a_name_survives_in_a_destination(path, base):
    written = join_url(base, path) if base else encode_path(path)
    place = parse_move({"Destination": written}).place
    assert place.path == path
    assert place.url == written
    assert parse_place(place.url, "Destination") == place


@given(NAMED)
def test_a_name_that_is_sent_raw_is_the_same_name(path):
    raw = "".join(sign if sign > "\x7f" else encode_path(sign) for sign in path)
    assert parse_move({"Destination": raw}).place.path == path


@given(
    st.dictionaries(
        st.sampled_from(
            ["Source", "Destination", "Depth", "Overwrite", "Credential", "X-Number-Of-Streams"]
        )
        | ANY_TEXT,
        ANY_TEXT | st.just("https://h.example/f"),
    ),
    st.booleans(),
)
def test_no_headers_raise_anything_but_a_refusal(headers, here):
    with contextlib.suppress(BadRequest):
        parse_move(headers)
    with contextlib.suppress(BadRequest):
        asked = parse_copy(headers, lambda _: here)
        assert (asked.mode is CopyMode.WITHIN) or asked.place.host
        assert asked.place.url.isascii()
    transfer_headers(headers)


@given(st.dictionaries(ANY_TEXT.map(lambda text: "TransferHeader" + text), ANY_TEXT))
def test_nothing_passed_on_can_begin_a_line_of_its_own(headers):
    for name, value in transfer_headers(headers).items():
        assert name.isascii()
        assert not set(name + value) & set("\r\n\0")
        assert name.lower() not in ("host", "content-length", "transfer-encoding", "connection")
