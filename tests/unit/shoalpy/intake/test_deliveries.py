"""Are all messages taken and acknowledged, whatever they say, many at once, and never so many that callers wait for them?"""

import asyncio

import pytest
from structlog.testing import capture_logs

from shoalpy.intake.deliveries import TURN_S, Deliveries
from shoalpy.intake.frames import Delivery
from shoalpy.wire import BadBeat, Reason


def one(tag: int, body: bytes = b"{}", user: str = "") -> Delivery:
    return Delivery(tag, body, user)


def some(first: int, last: int) -> list[Delivery]:
    return [one(tag) for tag in range(first, last + 1)]


def ignored(_body: bytes, _signer: str) -> None:
    return


def at_once() -> float:
    """A clock that stands still: no turn ends."""
    return 0.0


def test_half_of_what_may_be_on_the_way_is_acknowledged_at_once_and_the_rest_when_asked():
    told: list[int] = []
    of = Deliveries(ignored, told.append, 8, now_s=at_once)
    for tag in range(1, 10):
        of.came([one(tag)])
    assert told == [4, 8]
    of.acknowledge()
    of.acknowledge()
    assert told == [4, 8, 9]


@pytest.mark.parametrize("prefetch", [1, 2, 3])
def test_a_broker_that_sends_one_at_a_time_is_never_left_waiting(prefetch):
    told: list[int] = []
    of = Deliveries(ignored, told.append, prefetch, now_s=at_once)
    for tag in (1, 2):
        of.came([one(tag)])
    assert told == [1, 2]


def test_bad_ones_are_acknowledged_too_and_the_next_is_taken():
    said: list[tuple[bytes, str]] = []

    def take(body: bytes, signer: str) -> None:
        said.append((body, signer))
        if body == b"bad":
            raise BadBeat(Reason.NOT_JSON, "nonsense")
        if body == b"worse":
            raise ZeroDivisionError

    told: list[int] = []
    of = Deliveries(take, told.append, 2, now_s=at_once)
    with capture_logs() as logged:
        of.came([one(1, b"bad"), one(2, b"worse"), one(3, b"good", user="agent")])
    assert [line["event"] for line in logged] == ["heartbeat dropped", "heartbeat failed"]
    assert said == [(b"bad", ""), (b"worse", ""), (b"good", "amqp:agent")]
    assert told == [1, 2, 3]
    assert repr(of) == "<Deliveries 3 taken, 3 acknowledged, 0 waiting>"


async def test_a_crowd_is_taken_in_turns_and_others_come_between():
    now_s = 0.0
    seen: list[str] = []

    def take(body: bytes, _signer: str) -> None:
        nonlocal now_s
        now_s += TURN_S / 2
        seen.append(body.decode())

    told: list[int] = []
    of = Deliveries(take, told.append, 4, now_s=lambda: now_s)
    of.came([one(tag, b"%d" % tag) for tag in range(1, 6)])
    assert seen == ["1", "2"]
    asyncio.get_running_loop().call_soon(lambda: seen.append("caller"))
    # what comes meanwhile has to wait its turn, in order
    of.came([one(6, b"6")])
    assert told == [2]
    while told != [2, 4, 6]:
        await asyncio.sleep(0)

    assert [word for word in seen if word != "caller"] == ["1", "2", "3", "4", "5", "6"]
    assert seen.index("caller") == 4


async def test_none_is_lost_when_all_come_at_once():
    told: list[int] = []
    of = Deliveries(ignored, told.append, 1000)
    of.came(some(1, 500))
    of.came(some(501, 1000))
    while not told or told[-1] != 1000:
        await asyncio.sleep(0)
    assert told == [500, 1000]
