"""Are messages taken out of a connection however its bytes come, and is all else left as it was?"""

from collections.abc import Iterable
from typing import Any

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel, Connection
from pamqp.frame import FrameTypes
from pamqp.header import ContentHeader
from pamqp.heartbeat import Heartbeat

from shoalpy.intake.frames import HEARTBEAT, Delivery, Sifter, render_ack

LARGEST = 10


def deliver(tag: int, body: bytes, *, channel: int = 2, cut: int = 0, **properties: Any) -> bytes:
    """As a broker sends a message: in pieces of ``cut`` bytes."""
    frames: list[FrameTypes] = [
        Basic.Deliver("ctag", tag, False, "shoal", "info"),
        ContentHeader(body_size=len(body), properties=Basic.Properties(**properties)),
    ]
    size = cut or len(body) or 1
    frames += [ContentBody(body[at : at + size]) for at in range(0, len(body), size)]
    return b"".join(pamqp.frame.marshal(frame, channel) for frame in frames)


def other(channel: int = 1) -> bytes:
    """What is none of our business."""
    return pamqp.frame.marshal(Channel.CloseOk(), channel)


def sift(pieces: Iterable[bytes], largest: int = 1000) -> tuple[bytes, list[Delivery]]:
    sifter = Sifter(largest)
    passed, found = b"", []
    for piece in pieces:
        more, deliveries = sifter.feed(piece)
        passed += more
        found += deliveries
    return passed, found


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


START = pamqp.frame.marshal(Connection.Start(), 0)
TABLE = {
    "one": (deliver(1, b"{}"), b"", [Delivery(1, b"{}", "")]),
    "empty": (deliver(1, b""), b"", [Delivery(1, b"", "")]),
    "in pieces": (deliver(7, b"abcdef", cut=4), b"", [Delivery(7, b"abcdef", "")]),
    "with a type": (
        deliver(1, b"{}", content_type="application/json", delivery_mode=2),
        b"",
        [Delivery(1, b"{}", "")],
    ),
    "from a user": (
        deliver(2**40, b"{}", content_type="x", headers={"a": 1}, user_id="agent"),
        b"",
        [Delivery(2**40, b"{}", "agent")],
    ),
    "two with others between": (
        other() + deliver(1, b"a") + HEARTBEAT + deliver(2, b"b") + START,
        other() + HEARTBEAT + START,
        [Delivery(1, b"a", ""), Delivery(2, b"b", "")],
    ),
    "nothing of ours": (START + other() + HEARTBEAT, START + other() + HEARTBEAT, []),
    "content nobody delivered": (
        pamqp.frame.marshal(ContentBody(b"x"), 1),
        pamqp.frame.marshal(ContentBody(b"x"), 1),
        [],
    ),
}


@pytest.mark.parametrize(("data", "passed", "found"), TABLE.values(), ids=TABLE)
def test_whole_byte_by_byte_and_with_a_tail(data, passed, found):
    assert sift([data]) == (passed, found)
    assert sift(bytewise(data)) == (passed, found)
    # what has no end yet is held
    assert sift([data + HEARTBEAT[:3]]) == (passed, found)
    assert sift([data + HEARTBEAT[:3], HEARTBEAT[3:]]) == (passed + HEARTBEAT, found)


def test_other_channels_may_speak_while_a_message_comes():
    whole = deliver(1, b"abcd", cut=2)
    last = len(pamqp.frame.marshal(ContentBody(b"cd"), 2))

    passed, found = sift([whole[:-last] + other(1) + HEARTBEAT + whole[-last:]])

    assert (passed, found) == (other(1) + HEARTBEAT, [Delivery(1, b"abcd", "")])


def test_of_a_huge_message_enough_is_kept_to_see_that_it_is_too_long():
    passed, [one] = sift([deliver(1, b"x" * 1000, cut=4)], LARGEST)

    assert passed == b""
    assert LARGEST < len(one.body) <= LARGEST + 4
    assert sift([deliver(1, b"y" * LARGEST, cut=4)], LARGEST)[1] == [
        Delivery(1, b"y" * LARGEST, "")
    ]


BODY = pamqp.frame.marshal(ContentBody(b"toolong"), 2)
METHOD = pamqp.frame.marshal(Basic.Deliver("ctag", 1, False, "shoal", "info"), 2)
HEADER = pamqp.frame.marshal(ContentHeader(body_size=3), 2)
NONSENSE = {
    "no frames": b"AMQP\x00\x00\x09\x01",
    "no end": HEARTBEAT[:-1] + b"x",
    "a kind that there is not": b"\x05" + HEARTBEAT[1:],
    "a message in a message": METHOD + METHOD,
    "two headers": METHOD + HEADER + HEADER,
    "content without a header": METHOD + BODY,
    "more content than was said": METHOD + HEADER + BODY,
    "a message without a number": b"\x01\x00\x02\x00\x00\x00\x06\x00\x3c\x00\x3c\x01x\xce",
    "properties that are none": METHOD
    + b"\x02\x00\x02\x00\x00\x00\x0e"
    + b"\x00" * 12
    + b"\x00\x11\xce",
}


@pytest.mark.parametrize("data", NONSENSE.values(), ids=NONSENSE)
def test_what_is_not_understood_is_passed_on_with_all_that_follows(data):
    before, after = deliver(1, b"a"), deliver(2, b"b")

    passed, found = sift([before + data, after])

    assert found == [Delivery(1, b"a", "")]
    assert passed.endswith(after)
    assert data.endswith(passed.removesuffix(after))
    assert passed != after


bodies = st.binary(max_size=30)
messages = st.builds(
    lambda body, cut, user: (body, cut, user),
    bodies,
    st.integers(1, 40),
    st.one_of(st.none(), st.text("abc", min_size=1, max_size=4)),
)


@given(st.lists(st.one_of(messages, st.sampled_from([other(), HEARTBEAT, START]))), st.data())
def test_it_makes_no_difference_how_the_bytes_are_cut(parts, data):
    sent, passed = b"", b""
    found: list[Delivery] = []
    for part in parts:
        if isinstance(part, bytes):
            sent += part
            passed += part
            continue
        body, cut, user = part
        tag = len(found) + 1
        sent += deliver(tag, body, cut=cut, **({} if user is None else {"user_id": user}))
        found.append(Delivery(tag, body, user or ""))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))

    assert sift([sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]) == (
        passed,
        found,
    )


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_bytes_come_out_or_are_held(pieces):
    sifter = Sifter(LARGEST)
    for piece in pieces:
        sifter.feed(piece)
    assert repr(sifter).startswith("<Sifter")


def test_an_acknowledgement_is_what_the_library_writes():
    assert render_ack(3, 2**33) == pamqp.frame.marshal(Basic.Ack(2**33, multiple=True), 3)
    assert Heartbeat().marshal() == HEARTBEAT
