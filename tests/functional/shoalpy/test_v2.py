"""Version 2 over the wire."""

import json
from typing import Any

import pytest

from tests.functional.shoalpy.shoal import BATAVIA, GENEVA, Shoal, ShoalStarter
from ugrpy.service.api.access import hash_token

pytestmark = pytest.mark.functional

TOKEN, READER = "an-operator", "a-reader"
TOKENS = f"""
[tokens.alice]
sha256 = "{hash_token(TOKEN)}"

[tokens.bob]
sha256 = "{hash_token(READER)}"
roles = ["reader"]
"""


@pytest.fixture(scope="module")
def filled(start_shoal: ShoalStarter) -> Shoal:
    shoal = start_shoal(TOKENS)
    for number in range(7):
        address = "192.0.2.1" if number % 2 else "198.51.100.1"
        more: dict[str, object] = (
            {"cache_type": "varnish", "upstream": "cvmfs"} if number == 6 else {}
        )
        answer = shoal.beat(f"c{number}", public_ip=address, cache_port=2000 + number, **more)
        assert answer.status == 200
    return shoal


def read(shoal: Shoal, path: str, **more: Any) -> Any:
    answer = shoal.ask(path, **more)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.body)


def test_all_caches_by_pages_and_one_by_its_key(filled):
    seen: list[str] = []
    path = "/v2/caches?limit=3"
    while path:
        answer = filled.ask(path)
        seen += [one["key"] for one in json.loads(answer.body)]
        link = answer.headers.get("link", "")
        path = link.partition(">")[0].removeprefix("<")
    assert seen == [f"c{number}" for number in range(7)]

    one = read(filled, "/v2/caches/c1", source=GENEVA)
    assert (one["port"], one["local"], one["signed"], one["global_access"]) == (
        2001,
        True,
        True,
        True,
    )
    assert one["place"]["city"] == "Geneva"
    assert one["public_ip"] == "192.0.2.1"
    assert filled.ask("/v2/caches/none").status == 404
    assert [one["key"] for one in read(filled, "/v2/caches?cache_type=varnish")] == ["c6"]
    assert read(filled, "/v2/caches?health=failed") == []


def test_nearest_tells_distance_and_cost_apart(filled):
    found = read(filled, "/v2/nearest?count=99&cache_type=squid", source=GENEVA)

    assert len(found) == 6
    assert [one["cache"]["place"]["city"] for one in found] == ["Geneva"] * 3 + ["Batavia"] * 3
    assert (found[0]["cost"], found[0]["distance_km"]) == (0.0, 0.0)
    assert 7000 < found[-1]["distance_km"] < 7200
    assert [
        one["cache"]["key"]
        for one in read(filled, "/v2/nearest?upstream=frontier&cache_type=varnish")
    ] == []
    elsewhere = read(filled, "/v2/nearest?count=1&ip=198.51.100.99&cache_type=squid", source=GENEVA)
    assert elsewhere[0]["cache"]["place"]["city"] == "Batavia"
    assert filled.ask("/v2/nearest?ip=nonsense").status == 400
    assert filled.ask("/v2/nearest?counts=1").status == 400


def test_a_tag_for_what_has_not_changed(filled):
    answer = filled.ask("/v2/caches")
    again = filled.ask("/v2/caches", headers={"If-None-Match": answer.headers["etag"]})

    assert (again.status, again.body) == (304, b"")


def test_the_table_in_numbers(filled):
    found = read(filled, "/v2/stats", source=BATAVIA)

    assert found["by_type"] == {"squid": 6, "varnish": 1}
    assert (found["caches"], found["by_health"]["off"]) == (7, 7)
    assert found["max_load_kbps"] == 7 * 122_000


def test_operators_may_drop_a_cache(start_shoal):
    shoal = start_shoal(TOKENS)
    shoal.beat("bad")
    path = "/v2/caches/bad"

    assert shoal.ask(path, method="DELETE").status == 401
    wrong = {"Authorization": "Bearer nobody"}
    assert shoal.ask(path, method="DELETE", headers=wrong).status == 401
    reader = {"Authorization": f"Bearer {READER}"}
    assert shoal.ask(path, method="DELETE", headers=reader).status == 403
    assert shoal.hosts("/nearest") == ["bad"]

    operator = {"Authorization": f"Bearer {TOKEN}"}
    assert shoal.ask(path, method="DELETE", headers=operator).status == 204
    assert shoal.ask("/nearest").body == b"null"
    assert shoal.ask(path, method="DELETE", headers=operator).status == 404
    assert "by=alice" in shoal.process.log_text()
    assert TOKEN not in shoal.process.log_text()


def test_it_describes_itself(filled):
    document = read(filled, "/openapi.json")

    assert set(document["paths"]) >= {"/v2/caches", "/v2/caches/{key}", "/v2/nearest", "/v2/stats"}
    assert filled.ask("/docs").headers["content-type"].startswith("text/html")
    assert filled.ask("/v2/nothing").headers["content-type"] == "application/problem+json"
