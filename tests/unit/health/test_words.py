"""What is wrong, in words."""

import pytest

from ugrpy.endpoints.base import Probe
from ugrpy.health.words import fault_of, phrase_ejection, phrase_kept


@pytest.mark.parametrize(
    ("probe", "fault"),
    [
        (Probe(alive=True, latency_s=10.0), ""),
        (Probe(alive=True, latency_s=10.06), "answered after 10.1 s, 10 s allowed"),
        (Probe(alive=False, latency_s=0.0), "no answer"),
        (Probe(alive=False, latency_s=99.0, detail="connection refused"), "connection refused"),
    ],
)
def test_what_was_wrong_with_a_probe(probe, fault):
    assert fault_of(probe, 10.0) == fault


@pytest.mark.parametrize(
    ("failures", "on_trial", "words"),
    [
        (0, False, "ejected 12 s ago: timeout"),
        (1, False, "ejected 12 s ago after 1 failure: timeout"),
        (3, True, "ejected 12 s ago after 3 failures: timeout, on trial"),
    ],
)
def test_why_it_is_out(failures, on_trial, words):
    assert phrase_ejection(12.9, failures, "timeout", on_trial=on_trial) == words


def test_why_it_is_kept():
    assert phrase_kept("timeout").endswith("our own network may be the cause: timeout")
