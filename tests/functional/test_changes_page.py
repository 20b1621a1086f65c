"""What is under way has a page: uploads that nobody has begun, copies that must go, and operations that were cut off."""

import json
from typing import Any

import pytest

from tests.functional.helpers.asking import until, wait_for_service
from tests.functional.writable import Site, site
from tests.peers.ask import ask
from tests.peers.bench import Bench
from tests.peers.gateway import GatewayStarter

pytestmark = pytest.mark.functional

EXPECT = {"Expect": "100-continue", "Content-Length": "5"}
HEALTH = {"probe_interval_s": 0.2, "eject_after": 1, "return_after": 1}


def page(admin_url: str, query: str = "") -> dict[str, Any]:
    answer = ask("GET", f"{admin_url}/v1/changes{query}")
    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith("application/json")
    return dict(json.loads(answer.body))


def changes(here: Site) -> dict[str, Any]:
    return page(here.gateway.admin_url)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_under_way_is_told_until_it_has_come_to_its_end(tmp_path, workers):
    """By all workers alike: it is in the journal that it is looked up."""
    with (
        Bench() as bench,
        site(
            bench,
            tmp_path,
            ("nginx", "nginx2"),
            health=HEALTH,
            service={"workers": workers},
            changes={"upload_grace_s": 3.0},
        ) as here,
    ):
        gone = [f"/gone-{number}" for number in range(20)]
        for path in gone:
            here.write(path, b"content", "nginx", "nginx2")
        assert changes(here)["counts"] == {"uploads": 0, "removals": 0, "operations": 0}
        assert here.ask("PUT", "/coming", EXPECT).status == 307
        (upload,) = changes(here)["uploads"]
        assert (upload["path"], upload["endpoint"]) == ("/coming", "nginx")
        assert upload["size_bytes"] == 5
        here.storages["nginx2"].stop()
        wait_for_service(here.gateway, "nginx2", serving=False)
        # each worker finds out for itself that it is away
        path = next(path for path in gone if here.ask("DELETE", path).status == 204)
        (removal,) = changes(here)["removals"]
        assert (removal["path"], removal["endpoint"]) == (path, "nginx2")
        assert removal["since"] < removal["until"]
        assert page(here.gateway.admin_url, "?most=0")["removals"] == []
        until(lambda: changes(here)["uploads"] == [], "nothing came of the upload")


def test_where_nobody_may_change_anything_nothing_is_under_way(tmp_path):
    with Bench() as bench, GatewayStarter(tmp_path) as start:
        gateway = start({"nginx": bench.nginx_dav().url})
        assert page(gateway.admin_url)["counts"] == {"uploads": 0, "removals": 0, "operations": 0}
        for most in ("-1", "x", "1001", "%D9%A3"):
            answer = ask("GET", f"{gateway.admin_url}/v1/changes?most={most}")
            assert answer.status == 400, most
