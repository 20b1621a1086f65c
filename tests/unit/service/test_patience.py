"""How long a client is waited for: a story of what is unsent, look by look."""

import socket
from unittest.mock import Mock

import pytest

from ugrpy.service.patience import Outflow, Patience, unsent_bytes


@pytest.mark.parametrize(
    ("head_s", "send_s", "every_s"),
    [(30.0, 60.0, 2.0), (10.0, 60.0, 1.0), (60.0, 5.0, 0.5), (0.01, 60.0, 0.02)],
)
def test_it_looks_a_tenth_of_the_shorter_limit_apart(head_s, send_s, every_s):
    assert Patience(head_s, send_s).look_every_s == pytest.approx(every_s)


def test_a_client_that_takes_nothing():
    outflow = Outflow()
    assert [outflow.stalled_s(100, now) for now in (10.0, 11.0, 14.0)] == [0.0, 1.0, 4.0]
    assert repr(outflow) == "<Outflow 100 bytes unsent since 10>"


def test_a_client_that_takes_a_byte_now_and_then():
    outflow = Outflow()
    assert [outflow.stalled_s(100 - now, now) for now in range(50)] == [0.0] * 50


def test_more_to_send_does_not_end_a_standstill():
    outflow = Outflow()
    looks = [(100, 0.0), (200, 1.0), (300, 2.0), (299, 3.0), (299, 4.0)]
    assert [outflow.stalled_s(unsent, now) for unsent, now in looks] == [0.0, 1.0, 2.0, 0.0, 1.0]


def test_all_sent_ends_it():
    outflow = Outflow()
    looks = [(100, 0.0), (100, 5.0), (0, 6.0), (0, 50.0), (100, 60.0), (100, 61.0)]
    assert [outflow.stalled_s(unsent, now) for unsent, now in looks] == [0, 5, 0, 0, 0, 1]


def test_what_left_and_was_filled_up_again_between_two_looks():
    outflow = Outflow()
    assert [outflow.stalled_s(100, now) for now in (0.0, 5.0)] == [0.0, 5.0]
    outflow.moved()
    assert [outflow.stalled_s(100, now) for now in (6.0, 7.0)] == [0.0, 1.0]


def transport(ours: int, sock: object) -> Mock:
    return Mock(get_write_buffer_size=lambda: ours, get_extra_info=lambda name: sock)


def test_the_kernel_is_asked_only_when_we_hold_something_back():
    assert unsent_bytes(transport(0, Mock(fileno=Mock(side_effect=AssertionError)))) == 0


def test_what_the_kernel_holds_counts():
    here, there = socket.socketpair()
    with here, there:
        here.send(b"x" * 1000)
        assert unsent_bytes(transport(5, here)) > 5
        assert there.recv(1000)
        assert unsent_bytes(transport(5, here)) == 5


def test_a_socket_that_cannot_say():
    sock = socket.socket()
    number = sock.detach()
    with socket.socket(fileno=number):
        assert unsent_bytes(transport(5, Mock(fileno=lambda: 10**6))) == 5
