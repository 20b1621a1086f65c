"""Who is told of whom, and in which order, through a running server."""

import json
import math
import re
from collections import Counter

import pytest

from tests.functional.shoalpy.shoal import BATAVIA, GENEVA, VICTORIA, Shoal

pytestmark = pytest.mark.functional

# As the system that this replaces has it: what an agent says of its capacity does not count.
COMPATIBLE = "[ranking]\ncap_by_agent = false\n"
# Radians between the two places of the worked example (reference section 7.1).
ANGLE = 1.1146
EXAMPLE = f"""\
[[geo.networks]]
networks = ["10.9.1.0/24"]
position = [46.2, 6.15]

[[geo.networks]]
networks = ["10.9.2.0/24"]
position = [{46.2 - math.degrees(ANGLE)}, 6.15]
"""


def costs(shoal: Shoal, path: str) -> dict[str, float]:
    """What each cache told of costs; version 1 calls it distance."""
    return {one["hostname"].partition(".")[0]: one["distance"] for one in shoal.entries(path)}


@pytest.mark.row("S39")
@pytest.mark.parametrize(
    ("ranking", "cost"),
    [
        (COMPATIBLE, 0.66510),
        (f"{COMPATIBLE}distance_weight = 1.0\n", ANGLE / math.pi),
        (f"{COMPATIBLE}distance_weight = 0.0\n", 119 / 122),
        (f"{COMPATIBLE}load_exponent = 3.0\n", 0.5 * ANGLE / math.pi + 0.5 * (119 / 122) ** 3),
    ],
    ids=["the worked example", "distance alone", "load alone", "high load alone"],
)
def test_the_cost_is_told(start_shoal, ranking, cost):
    shoal = start_shoal(EXAMPLE + ranking)
    shoal.beat("busy", public_ip="10.9.2.1", load=119_000, max_load=1_000_000)

    assert costs(shoal, "/nearest?ip=10.9.1.1")["busy"] == pytest.approx(cost, abs=1e-5)


@pytest.mark.row("S42")
def test_equal_caches_are_told_first_equally_often(start_shoal):
    shoal = start_shoal()
    for number in range(4):
        shoal.beat(f"c{number}", public_ip=f"192.0.2.{number + 1}")
    shoal.beat("far", public_ip="203.0.113.1")

    first: Counter[str] = Counter()
    for _ in range(1_000):
        found = shoal.hosts("/nearest", source=GENEVA)
        assert set(found[:4]) == {"c0", "c1", "c2", "c3"}
        assert found[4:] == ["far"]
        first[found[0]] += 1
    # drawn by chance, and the standard deviation is 14; the even spread itself is shown with a seed in the unit tests
    assert all(175 <= times <= 325 for times in first.values()), first


@pytest.mark.row("S38")
def test_callers_and_caches_with_ipv6_only(start_shoal):
    shoal = start_shoal(f'[server]\ntrusted_proxies = ["{VICTORIA}"]\n')
    shoal.beat("geneva", public_ip="192.0.2.1")
    shoal.beat("batavia6", public_ip="2001:db8:12::1")
    shoal.beat("victoria", public_ip="203.0.113.1")

    near_batavia = ["batavia6", "victoria", "geneva"]
    assert shoal.hosts("/nearest?ip=2001:db8:12::7") == near_batavia
    assert shoal.hosts("/nearest", source=BATAVIA) == near_batavia
    # a proxy that is trusted says for whom it asks
    for named in ("2001:db8:12::7", "[2001:db8:12::7]:4711"):
        told = shoal.ask("/nearest/1", source=VICTORIA, headers={"X-Forwarded-For": named})
        [only] = json.loads(told.body).values()
        assert (only["hostname"], only["local"]) == ("batavia6.example.org", True), named
    [first, *_] = shoal.entries("/nearest/1?ip=2001:db8:12::7")
    assert (first["public_ip"], first["local"]) == ("2001:db8:12::1", True)
    assert shoal.hosts("/nearest", source=GENEVA)[0] == "geneva"


def test_a_table_that_cannot_be_written_is_counted_and_the_server_goes_on(start_shoal, tmp_path):
    folder = tmp_path / "not yet there"
    shoal = start_shoal(f"[store]\nfile = '{folder / 'table.json'}'\ninterval_s = 0.1\n")
    shoal.beat("geneva")

    shoal.until(lambda: shoal.metric("shoalpy_store_failures_total") >= 2)

    assert shoal.hosts("/nearest", source=GENEVA) == ["geneva"]
    folder.mkdir()
    shoal.until((folder / "table.json").is_file)


@pytest.mark.row("M15")
def test_squids_scripts_frontier_and_cvmfs_are_told_one_order(start_shoal):
    shoal = start_shoal()
    stands = {"geneva": "192.0.2.1", "batavia": "198.51.100.1", "victoria": "203.0.113.1"}
    for key, address in stands.items():
        assert shoal.beat(key, public_ip=address).status == 200

    for caller, order in (
        (GENEVA, ["geneva", "batavia", "victoria"]),
        (BATAVIA, ["batavia", "victoria", "geneva"]),
        (VICTORIA, ["victoria", "batavia", "geneva"]),
    ):
        for path in ("/nearest", "/nearestcvmfs", "/nearestconditions"):
            assert shoal.hosts(path, source=caller) == order
        script = shoal.ask("/wpad.dat", source=caller).text
        assert re.findall(r"PROXY http://(\w+)\.example\.org:3128", script) == order
        asked = ",".join(stands.values())
        told = shoal.ask(f"/api/v1.0/geo/{caller}/{asked}", source=caller)
        assert told.status == 200
        assert [list(stands)[int(number) - 1] for number in told.text.split(",")] == order
