"""Rates, paces, networks and the table of who used what."""

from ipaddress import ip_address

from ugrpy.load.asker import ITSELF, current_network, work_for, work_for_others
from ugrpy.load.pace import LATEST_S, SOONEST_S, Ending
from ugrpy.load.rates import Rates
from ugrpy.load.usage import Usage
from ugrpy.security.networks import NOBODY, network_of


def test_a_bucket_fills_up_again_and_says_when():
    rates = Rates(2.0, 3)
    assert [rates.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert rates.take("b", 0.0) == 0.0
    assert rates.take("a", 0.25) == 0.25
    assert rates.take("a", 0.5) == 0.0
    assert [rates.take("a", 100.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_buckets_are_bounded_and_those_asked_longest_ago_go():
    rates = Rates(1.0, 1, most=2)
    for network in ("a", "b", "a", "c"):
        rates.take(network, 0.0)
    assert len(rates) == 2
    assert rates.take("a", 0.0) > 0
    assert rates.take("b", 0.0) == 0.0  # forgotten, to its advantage


def test_however_many_networks_come_the_tables_stay_as_they_are():
    rates, usage = Rates(1.0, 1, most=1000), Usage(1000)
    for number in range(100_000):
        rates.take(str(number), 0.0)
        usage.of(str(number)).admitted += 1
    assert (len(rates), len(usage)) == (1000, 1000)
    assert [network for network, _ in usage][-1] == "99999"


def test_a_row_is_kept_while_its_network_comes_back():
    usage = Usage(2)
    for network in ("a", "b", "a", "c"):
        usage.of(network).admitted += 1
    assert {network: row.admitted for network, row in usage} == {"a": 2, "c": 1}


def test_the_time_to_come_back_is_that_of_those_ahead():
    ending = Ending()
    assert ending.retry_after_s(1000) == SOONEST_S
    for number in range(100):
        ending.ended(number * 0.5, busy=True)
    assert 0.45 < ending.gap_s < 0.5 + 1e-9
    assert ending.retry_after_s(10) == 5
    assert ending.retry_after_s(10_000) == LATEST_S


def test_a_pause_in_which_nobody_waited_says_nothing():
    ending = Ending()
    ending.ended(0.0, busy=True)
    ending.ended(1.0, busy=False)
    ending.ended(5000.0, busy=True)
    assert ending.gap_s == 0.0


def test_networks_have_names():
    assert network_of(ip_address("192.0.2.77")) == "192.0.2.0/24"
    assert network_of(ip_address("192.0.2.77"), v4_bits=32) == "192.0.2.77/32"
    assert network_of(ip_address("2001:db8:1:2ff::7")) == "2001:db8:1:200::/56"
    assert network_of(ip_address("2001:db8:1:2ff::7"), v6_bits=48) == "2001:db8:1::/48"
    assert network_of(None) == NOBODY


def test_a_task_knows_for_whom_it_works():
    token = work_for("192.0.2.0/24")
    assert current_network() == "192.0.2.0/24"
    work_for_others(token)
    assert current_network() == ITSELF
