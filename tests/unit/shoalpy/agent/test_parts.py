"""Load, health, letters, addresses and heartbeats: values in, values out."""

import json

import pytest

from shoalpy.agent.beat import parse_echo, render_goodbye, render_heartbeat
from shoalpy.agent.health import DAY_S, Condition
from shoalpy.agent.load import Card, Sample, max_load_kbps, parse_default_interface, rate_kbps
from shoalpy.agent.mail import MailPolicy, compose
from shoalpy.agent.run import Addresses, sort_addresses
from shoalpy.agent.state import State
from shoalpy.model import DEFAULT_MAX_LOAD_KBPS, Heartbeat
from shoalpy.wire import parse_heartbeat
from ugrpy.locality import parse_address


def test_the_rate_is_that_between_two_readings():
    assert rate_kbps(Sample(10.0, 0), Sample(12.0, 4096)) == 2.0
    assert rate_kbps(Sample(10.0, 9000), Sample(12.0, 10)) == 0.0
    assert rate_kbps(None, Sample(1.0, 1)) == rate_kbps(Sample(1.0, 1), None) == 0.0
    assert rate_kbps(Sample(1.0, 1), Sample(1.0, 9)) == 0.0


@pytest.mark.row("S53")
def test_a_card_that_does_not_know_its_speed_gets_the_default(tmp_path):
    folder = tmp_path / "class/net/eth0"
    (folder / "statistics").mkdir(parents=True)
    (folder / "statistics/tx_bytes").write_text("2048\n")
    (folder / "speed").write_text("-1\n")
    card = Card(sys=tmp_path, proc=tmp_path)

    assert card.name == "eth0"
    assert max_load_kbps(card.speed_mbps()) == DEFAULT_MAX_LOAD_KBPS
    # a reading is there at once: the rate is that since the reading before, and nobody waits between
    first = card.sample(5.0)
    (folder / "statistics/tx_bytes").write_text("12288\n")
    assert rate_kbps(first, card.sample(7.0)) == 5.0
    assert max_load_kbps(1000) == 112_500
    assert max_load_kbps(None) == max_load_kbps(0) == DEFAULT_MAX_LOAD_KBPS
    assert Card("gone", sys=tmp_path).sample(0.0) is None


def test_the_card_of_the_default_route():
    table = "head\neth1 0002A8C0 0 0003 0 0 0 00FFFFFF 0\neth0 00000000 0102A8C0 0003 0 0 0 00000000 0\n"
    assert parse_default_interface(table) == "eth0"
    assert parse_default_interface("head\n") == ""


def _tested(one: Condition, at_s: float, *, healthy: bool = False) -> Condition:
    return one.tested(healthy=healthy, message="", now_s=at_s, healthy_s=21600, failing_s=1800)


def test_one_letter_a_day_and_recovery():
    now_s = 1_000_000.0
    one = Condition()
    assert one.is_due(now_s)
    one = _tested(one, now_s)
    assert one.wants_mail(now_s)
    one = one.mailed(now_s)
    letters = 0
    for number in range(1, 97):  # two days, a test each half hour
        at_s = now_s + 1800 * number
        assert not one.is_due(at_s - 1)
        assert one.is_due(at_s)
        one = _tested(one, at_s)
        if one.wants_mail(at_s):
            letters, one = letters + 1, one.mailed(at_s)
    assert letters == 2
    end_s = now_s + 1800 * 96
    well = _tested(one, end_s, healthy=True)
    assert well.healthy
    assert not well.wants_mail(end_s + DAY_S)
    assert not well.is_due(end_s + 21599)


def test_identity_and_letters_are_remembered(tmp_path):
    folder = str(tmp_path / "state")
    first = State(folder).identity()
    assert State(folder).identity() == first
    assert State("").identity() != State("").identity()
    assert State(folder).mailed_at_s() is None
    State(folder).mailed(5.0)
    assert State(folder).mailed_at_s() == 5.0
    (tmp_path / "file").write_text("")
    assert State(str(tmp_path / "file/below")).identity()


def test_addresses():
    def address(text):
        return parse_address(text)

    assert parse_echo("external_ip=192.0.2.7\nx=y\n") == address("192.0.2.7")
    assert parse_echo("external_ip=127.0.0.1\n") is parse_echo("external_ip=\n") is None
    nat, inside, public = address("192.0.2.7"), address("10.1.2.3"), address("198.51.100.1")
    assert sort_addresses(inside, nat) == Addresses(None, inside, nat)
    assert sort_addresses(public, nat) == Addresses(public, None, None)
    assert sort_addresses(None, inside) == Addresses(None, inside, None)


def test_a_heartbeat_is_read_as_it_was_meant():
    beat = Heartbeat(
        "k", "vm1.example", 3128, 5.0, 1.5, max_load_kbps=9.0, public_ip=parse_address("192.0.2.7")
    )
    assert parse_heartbeat(render_heartbeat(beat)) == beat
    assert type(json.loads(render_heartbeat(beat))["cache_port"]) is int
    assert parse_heartbeat(render_goodbye("k")) == "k"


def test_the_letter():
    letter = compose(MailPolicy(to="a@b"), hostname="vm1", what="squid at port 1", why="broken")
    assert (letter["To"], letter["From"]) == ("a@b", "shoalpy@vm1")
    assert "broken" in letter.get_content()
