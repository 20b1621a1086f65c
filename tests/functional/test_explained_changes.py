"""Does ``explain`` of a change say what the change then does, and do nothing of it itself? By the command line and the admin listener."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.functional.test_cli import ugrpy
from tests.functional.writable import Site, site
from tests.peers.ask import ask
from tests.peers.bench import Bench

pytestmark = [pytest.mark.functional, pytest.mark.peer("nginx", "apache")]

NEAR_NGINX = "127.0.0.1"
NEAR_APACHE = "127.0.1.1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("explained-changes")


@pytest.fixture(scope="module")
def here(folder: Path) -> Iterator[Site]:
    with Bench() as bench, site(bench, folder, ("nginx", "apache"), fixed=True) as made:
        yield made


def told(here: Site, path: str, method: str, **more: str) -> dict[str, Any]:
    """What the admin listener tells."""
    query = urlencode({"path": path, "method": method, "client": NEAR_NGINX, **more})
    answer = ask("GET", f"{here.gateway.admin_url}/v1/explain?{query}")
    assert answer.status == 200, answer
    explained: dict[str, Any] = json.loads(answer.body)
    return explained


def by_command(folder: Path, *arguments: str) -> str:
    """What the command prints, from the same configuration and the service's journal."""
    done = ugrpy("explain", *arguments, f"--config={folder / 'gateway-1.toml'}")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def would(explained: dict[str, Any]) -> list[tuple[str, str]]:
    return [(part["endpoint"], part["would"]) for part in explained["parts"]]


@pytest.mark.parametrize(("client", "near"), [(NEAR_NGINX, "nginx"), (NEAR_APACHE, "apache")])
def test_an_upload_goes_where_it_was_said_to_go(here, near, client):
    path = f"/put-{near}"
    before = told(here, path, "PUT", client=client, size="5")
    assert here.holders(path) == []
    assert (before["status"], would(before)[0]) == (307, (near, "PUT"))
    assert before["location"] == f"{here.storages[near].url}{path}"
    assert before["rejected"] == [
        {"endpoint": "fixed", "would": "", "reason": "takes no changes", "url": ""}
    ]
    assert "may write" in before["rights"]
    assert here.put(path, b"12345", near=near) == near


def test_the_command_sees_what_the_service_has_written_down(here, folder):
    answer = here.ask("PUT", "/begun", {"Expect": "100-continue", "Content-Length": "7"})
    assert answer.status == 307
    printed = by_command(folder, "/begun", "--method=PUT", f"--client={NEAR_APACHE}", "--size=9")
    assert "PUT of /begun as seen by 127.0.1.1" in printed
    assert "an upload of this name is under way there" in printed
    assert "under way: an upload of /begun of 7 bytes to nginx began " in printed
    assert f"answer: 307 {here.storages['nginx'].url}/begun" in printed


def test_a_deletion_is_told_and_then_done(here, folder):
    here.write("/doomed", b"x", "nginx", "apache")
    explained = told(here, "/doomed", "DELETE")
    assert (explained["status"], would(explained)) == (
        204,
        [("nginx", "DELETE"), ("apache", "DELETE")],
    )
    assert "holds a file" in by_command(folder, "/doomed", "-X", "DELETE", "--client", NEAR_NGINX)
    assert here.holders("/doomed") == ["nginx", "apache"]
    assert here.ask("DELETE", "/doomed").status == 204
    assert here.holders("/doomed") == []


def test_what_stands_against_a_deletion_is_what_the_client_is_told(here):
    here.write("/kept", b"x", "nginx", "fixed")
    explained = told(here, "/kept", "DELETE")
    refused = here.ask("DELETE", "/kept")
    assert explained["status"] == refused.status == 403
    assert explained["refusal"] == json.loads(refused.body)["detail"]
    assert [(one["endpoint"], one["reason"]) for one in explained["rejected"]] == [
        ("fixed", "takes no changes")
    ]


@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_a_move_or_copy_is_told_and_then_done(here, folder, method):
    source, target = f"/{method}-from", f"/{method}-to"
    here.write(source, b"x", "nginx", "apache")
    explained = told(here, source, method, to=target)
    assert (explained["status"], would(explained)) == (201, [("nginx", method), ("apache", method)])
    printed = by_command(folder, source, f"--method={method}", f"--to={target}")
    assert f"{method} of {source} to {target} as seen by a client of unknown place" in printed
    assert "answer: 403 may not" in printed  # who it is nobody knows
    assert here.holders(target) == []
    assert here.ask(method, source, {"Destination": here.at(target)}).status == 201
    assert here.holders(target) == ["nginx", "apache"]


def test_a_collection_is_told_and_then_made(here):
    explained = told(here, "/made", "MKCOL")
    assert (explained["status"], would(explained)) == (
        201,
        [("nginx", "MKCOL"), ("apache", "MKCOL")],
    )
    assert here.holders("/made") == []
    assert here.ask("MKCOL", "/made").status == 201
    assert told(here, "/made", "MKCOL")["status"] == here.ask("MKCOL", "/made").status == 405


def test_head_and_propfind(here, folder):
    here.write("/looked/at", b"12345", "nginx", "apache")
    head = told(here, "/looked/at", "HEAD")
    assert (head["status"], head["entry"]["size_bytes"], head["ranked"]) == (200, 5, None)
    listed = told(here, "/looked", "PROPFIND")
    assert (listed["status"], listed["notes"]["children"]) == (207, "1")
    assert [(one["endpoint"], one["outcome"]) for one in listed["said"]] == [
        ("nginx", "found"),
        ("apache", "found"),
        ("fixed", "absent"),
    ]
    assert "children: 1" in by_command(folder, "/looked", "--method=PROPFIND")


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"method": "TRACE"}, "TRACE cannot be explained"),
        ({"method": "MOVE"}, "have a destination"),
        ({"to": "/x"}, "have a destination"),
        ({"method": "PUT", "size": "many"}, "a number of bytes"),
    ],
)
def test_what_cannot_be_explained(here, query, why):
    answer = ask("GET", f"{here.gateway.admin_url}/v1/explain?{urlencode({'path': '/f', **query})}")
    assert answer.status == 400
    assert why in json.loads(answer.body)["detail"]


def test_a_gateway_that_takes_no_changes_says_so(here):
    done = ugrpy(
        "explain", "/f", "-X", "PUT", f"--endpoint=one={here.storages['nginx'].url}", "--json"
    )
    explained = json.loads(done.stdout)
    assert (explained["status"], explained["parts"]) == (403, [])
    assert "read-only" in explained["refusal"]
