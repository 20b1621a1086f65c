"""One look at a cache, as a story of what is asked and answered."""

import pytest

from shoalpy.looking import ALL_WELL, Look, begin
from shoalpy.targets import Answer, Ask, Outcome

RIGHT = Answer(200, {}, b"Nr\n", 0.3)
SWIFT = Answer(200, {}, b"Nr\n", 0.1)
ELSE = Answer(200, {}, b"Welcome", 0.2)
GONE = Answer(404, {}, b"", 0.2)
DENIED = Answer(403, {}, b"ERR_ACCESS_DENIED", 0.2)
SILENT = Answer(failed=Outcome.SILENT, detail="no answer within 2 s")
REFUSED = Answer(failed=Outcome.NO_CONNECTION, detail="connection refused")
BROKEN = Answer(failed=Outcome.WRONG, detail="the answer is not HTTP")


def asks(count: int, name: str = "t") -> list[Ask]:
    return [
        Ask(f"http://{name}{n}/f", f"{name}{n}", "http://192.0.2.1:3128", {}, "r")
        for n in range(count)
    ]


def in_order() -> float:
    return 0.5


def told(look: Look, *answers: Answer) -> list[str]:
    """Give the answers; which targets were asked."""
    asked = []
    left = list(answers)
    while (ask := look.next_ask()) is not None:
        asked.append(ask.target)
        look.heard(ask, left.pop(0))
    assert left == []
    return asked


def a_look(*counts: int, needed: int = 2, tolerated: int = 3) -> Look:
    rounds = [asks(count, "ab"[at]) for at, count in enumerate(counts)]
    return begin(rounds, needed=needed, tolerated=tolerated, draw=in_order)


def found(look: Look) -> tuple[Outcome, str]:
    assert look.finding is not None
    return look.finding.outcome, look.finding.message


def test_enough_right_answers_are_enough():
    look = a_look(16)
    assert told(look, RIGHT, SWIFT) == ["a0", "a1"]
    assert found(look) == (Outcome.PASSED, ALL_WELL)
    assert look.finding is not None
    assert look.finding.rtt_s == 0.1


def test_fewer_targets_than_needed_must_all_be_right():
    assert told(a_look(1, needed=5), RIGHT) == ["a0"]
    look = a_look(3, needed=3)
    told(look, RIGHT, GONE)
    assert found(look)[0] is Outcome.WRONG


def test_some_wrong_answers_are_tolerated_and_no_more():
    look = a_look(16)
    told(look, GONE, ELSE, SILENT, RIGHT, RIGHT)
    assert found(look) == (Outcome.PASSED, ALL_WELL)
    look = a_look(16)
    assert told(look, RIGHT, GONE, ELSE, SILENT, ELSE) == ["a0", "a1", "a2", "a3", "a4"]
    assert found(look) == (
        Outcome.WRONG,
        "Error during verification: asked for http://a4/f, it answered with something else",
    )


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            [DENIED],
            "The cache is configured to prevent external access: asked for http://a0/f, it answered that access is denied",
        ),
        ([REFUSED], "The cache firewall blocks the external access: connection refused"),
        ([RIGHT, REFUSED], "The cache firewall blocks the external access: connection refused"),
        ([SILENT, SILENT], "The cache firewall blocks the external access: no answer within 2 s"),
    ],
)
def test_what_ends_a_look_at_once(answers, message):
    look = a_look(16, tolerated=100)
    told(look, *answers)
    assert found(look)[1] == message


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([GONE], "asked for http://a0/f, it answered 404"),
        ([BROKEN], "asked for http://a0/f, the answer is not HTTP"),
        ([RIGHT, SILENT], "asked for http://a1/f, no answer within 2 s"),
        ([ELSE], "asked for http://a0/f, it answered with something else"),
    ],
)
def test_the_message_says_what_was_wrong(answers, message):
    look = a_look(16, tolerated=0)
    told(look, *answers)
    assert found(look)[1] == f"Error during verification: {message}"


def test_a_cache_that_has_spoken_is_not_taken_for_dead():
    look = a_look(16)
    told(look, GONE, SILENT, SILENT, RIGHT, RIGHT)
    assert found(look)[0] is Outcome.PASSED


def test_both_rounds_must_pass():
    look = a_look(1, 1)
    assert told(look, RIGHT, RIGHT) == ["a0", "b0"]
    assert found(look)[0] is Outcome.PASSED
    look = a_look(1, 1)
    told(look, RIGHT, GONE)
    assert found(look)[0] is Outcome.WRONG
    look = a_look(1, 1)
    assert told(look, GONE) == ["a0"]


def test_of_a_reverse_proxy_the_path_is_told():
    ask = Ask("http://192.0.2.1:6081/cvmfs/r/f", "/cvmfs/r/f", "", {}, "r")
    look = begin([[ask]], needed=1, tolerated=0, draw=in_order)
    told(look, GONE)
    assert found(look)[1] == "Error during verification: asked for /cvmfs/r/f, it answered 404"


def test_nothing_to_ask_is_nothing_wrong():
    look = a_look()
    assert told(look) == []
    assert found(look) == (Outcome.PASSED, ALL_WELL)


def test_the_order_is_drawn():
    draws = iter([0.9, 0.1, 0.5])
    look = begin([asks(3)], needed=3, tolerated=0, draw=lambda: next(draws))
    assert told(look, RIGHT, RIGHT, RIGHT) == ["t1", "t2", "t0"]
