"""Does each answer explain itself to somebody who has nothing but curl (row M25), and listings say whose they are (row M1)?

nginx, Apache and a second nginx, of which the last is stopped, hangs or refuses in the course of it. Two gateways look at them: ``open``
names storage elements to everybody, ``closed`` to nobody.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import http_sf
import lxml.html
import pytest
from lxml import etree

from tests.functional.helpers.asking import until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.bench import Bench
from tests.peers.clients import Client
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer
from ugrpy.testing import Faults, StorageElement

pytestmark = pytest.mark.functional

U = "{UGRPY:}"
OURS = (
    '<propfind xmlns="DAV:" xmlns:u="UGRPY:"><prop><u:holders/><u:age/><u:parts/></prop></propfind>'
)
USUAL = '<propfind xmlns="DAV:"><prop><getcontentlength/><resourcetype/></prop></propfind>'
PROPFIND = ("-X", "PROPFIND", "-H", "Depth: 1")
NAMES = ("alpha", "beta", "gamma")


@dataclass(frozen=True, slots=True)
class Stage:
    """The gateways and what is behind them."""

    open: Gateway
    closed: Gateway
    storages: Mapping[str, PeerServer]
    refusing: StorageElement


@dataclass(frozen=True, slots=True)
class Answered:
    """What curl printed of one answer."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    def members(self, name: str) -> list[tuple[str, dict[str, object]]]:
        """A list of structured fields, read by a library that is not ours."""
        read: Any = http_sf.parse(self.fields.get(name, "").encode(), tltype="list")
        return [
            (str(item), {k: _plain(v) for k, v in parameters.items()}) for item, parameters in read
        ]

    @property
    def timed(self) -> dict[str, str]:
        """The entries of ``Server-Timing`` by name, each with all that stands behind it."""
        entries = [one.partition(";") for one in self.fields["server-timing"].split(", ")]
        return {name: rest for name, _, rest in entries}


def _plain(value: object) -> object:
    return str(value) if isinstance(value, http_sf.Token) else value


def ask(curl: Client, gateway: Gateway, path: str, *options: str) -> Answered:
    """One request by curl alone."""
    done = curl("-sS", "-D", "head", "-o", "body", *options, gateway.url + path).check()
    assert done.errors == ""
    first, *lines = (
        (curl.home / "head").read_bytes().decode().strip().split("\r\n\r\n")[-1].split("\r\n")
    )
    pairs = [line.partition(":") for line in lines]
    fields = {name.lower(): value.strip() for name, _, value in pairs}
    body = curl.home / "body"
    return Answered(int(first.split()[1]), fields, body.read_bytes() if body.exists() else b"")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("explained")
    with (
        Bench() as bench,
        elements({"delta": tree_of("/f")}) as refusing,
        GatewayStarter(folder) as start,
    ):
        storages = {
            "alpha": bench.nginx_dav(),
            "beta": bench.apache_dav(),
            "gamma": bench.nginx_dav(),
        }
        for name, server in storages.items():
            for file in ("redirect", "head", "metalink", "properties", "page/f", "listing/f"):
                server.write(f"asked/{file}", b"everywhere")
            for collection in ("whole", "stopped", "paused"):
                server.write(f"{collection}/all", b"everywhere")
                server.write(f"{collection}/of-{name}", name.encode())
        for name in ("alpha", "beta"):
            storages[name].write("whole/two", b"on two")

        def gateway(shown: str) -> Gateway:
            urls = {name: server.url for name, server in storages.items()}
            endpoints = {
                name: {"url": url, "writable": True, **QUIET} for name, url in urls.items()
            }
            delta = {"url": refusing["delta"].base_url, "mounts": ["/far"], **QUIET}
            text = configuration(
                {**endpoints, "delta": delta},
                federation={"deadline_s": 1.0, "show_endpoints": shown},
                changes={"write_from": ["127.0.0.0/8"], "state_dir": str(folder / shown)},
                health=NEVER_EJECT,
            )
            return start(config=text)

        yield Stage(gateway("public"), gateway("admin"), storages, refusing["delta"])


@pytest.fixture
def stopped(stage: Stage) -> Iterator[None]:
    stage.storages["gamma"].stop()
    yield
    stage.storages["gamma"].start()


@pytest.fixture
def paused(stage: Stage) -> Iterator[None]:
    stage.storages["gamma"].pause()
    yield
    stage.storages["gamma"].resume()


def told(answer: Answered, href: str) -> dict[str, list[tuple[str, ...]]]:
    """Our properties of one resource in a multistatus: each with the texts in it, a tuple for an element with several."""
    for response in etree.fromstring(answer.body).iterfind("{DAV:}response"):
        if response.findtext("{DAV:}href") == href:
            return {
                etree.QName(one).localname: [
                    tuple(leaf.text or "" for leaf in part.iter() if not len(leaf))
                    for part in (one if len(one) else [one])
                ]
                for one in response.iterfind("{DAV:}propstat/{DAV:}prop/*")
            }
    raise AssertionError(f"nothing is said of {href}")


# -- every answer says where it comes from and what it took -------------------------------------------------------------------


@pytest.mark.row("M25")
@pytest.mark.peer("curl", "nginx", "apache")
@pytest.mark.parametrize(
    ("options", "path", "status", "kept_s"),
    [
        ((), "/asked/redirect", 302, 300),
        (("-I",), "/asked/head", 200, 300),
        ((), "/asked/metalink?metalink", 200, 300),
        ((), "/asked/page/", 200, 60),
        ((*PROPFIND, "-d", USUAL), "/asked/listing/", 207, 60),
        (("-X", "PROPFIND", "-H", "Depth: 0"), "/asked/properties", 207, 300),
        ((), "/asked/nothing", 404, 10),
    ],
)
def test_first_asked_then_remembered(stage, curl, options, path, status, kept_s):
    first = ask(curl, stage.open, path, *options)
    assert first.status == status
    ((cache, asked),) = first.members("cache-status")
    assert (cache, asked["fwd"]) == ("ugrpy", "miss")
    if asked.get("stored"):
        assert 0 <= int(str(asked["ttl"])) <= kept_s
    assert {"cache", "fanout", "slowest", "total"} == first.timed.keys()
    assert first.timed["slowest"].partition(";")[2] in {f'desc="{name}"' for name in NAMES}
    assert "age" not in first.fields
    until_hit(curl, stage.open, path, *options)
    again = ask(curl, stage.open, path, *options)
    assert again.status == status
    ((cache, kept),) = again.members("cache-status")
    assert (cache, kept.pop("hit")) == ("ugrpy", True)
    assert kept.keys() == {"ttl"}
    assert kept_s - 20 <= int(str(kept["ttl"])) + int(again.fields["age"]) <= kept_s
    assert again.timed.keys() == {"cache", "total"}


def until_hit(curl: Client, gateway: Gateway, path: str, *options: str) -> None:
    """Ask until it is remembered: an answer given early is good for a moment only."""

    def is_kept() -> bool:
        ((_, told),) = ask(curl, gateway, path, *options).members("cache-status")
        return "hit" in told

    until(is_kept, f"{path} is remembered")


@pytest.mark.row("M25")
@pytest.mark.peer("curl")
@pytest.mark.parametrize(
    ("options", "path", "status"),
    [
        (("-X", "PUT", "-H", "Content-Length: 0"), "/whole/new", 307),
        (("-X", "MKCOL"), "/whole/collection", 201),
        (("-X", "DELETE"), "/whole/absent", 404),
        (("-X", "MKCOL"), "/whole/", 405),
    ],
)
def test_changes_pass_the_cache_by(stage, curl, options, path, status):
    answer = ask(curl, stage.open, path, *options)
    assert answer.status == status
    expected = [] if status == 405 else [("ugrpy", {"fwd": "method"})]
    assert answer.members("cache-status") == expected
    assert "total" in answer.timed
    if status >= 400:
        explains(answer)


def explains(answer: Answered) -> Mapping[str, object]:
    """Problem details (RFC 9457) that repeat the status."""
    assert answer.fields["content-type"] == "application/problem+json"
    problem: dict[str, object] = json.loads(answer.body)
    assert problem["status"] == answer.status
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.row("M25")
@pytest.mark.peer("curl")
@pytest.mark.parametrize(
    ("options", "path", "status"),
    [
        (("-X", "POST"), "/", 405),
        (("-X", "PROPFIND", "-H", "Depth: 2"), "/whole/", 400),
        (("-X", "DELETE"), "/", 403),
        (("--path-as-is",), "/../", 400),
        (("-X", "MKCOL", "-d", "x"), "/whole/c", 415),
    ],
)
def test_what_this_gateway_refuses_itself(stage, curl, options, path, status):
    answer = ask(curl, stage.open, path, *options)
    assert answer.status == status
    assert "total" in answer.timed
    explains(answer)
    refused = [("ugrpy", {"error": "http_request_denied", "details": "Forbidden"})]
    assert answer.members("proxy-status") == (refused if status == 403 else [])


@pytest.mark.row("M25")
@pytest.mark.peer("curl")
@pytest.mark.parametrize(
    ("path", "faults", "status", "named", "nameless"),
    [
        (
            "/far/refused",
            Faults(status=403),
            403,
            {"received-status": 403, "details": "PROPFIND answered 403"},
            {},
        ),
        (
            "/far/busy",
            Faults(status=503),
            503,
            {"error": "destination_unavailable", "details": "PROPFIND: the endpoint answered 503"},
            {"error": "destination_unavailable"},
        ),
        (
            "/far/silent",
            Faults(hang=True),
            504,
            {"error": "http_response_timeout", "details": "no answer within 1 s"},
            {"error": "http_response_timeout"},
        ),
    ],
)
def test_what_an_endpoint_did_is_told_by_its_name_in_the_standard(
    stage, curl, path, faults, status, named, nameless
):
    stage.refusing.faults = faults
    try:
        answer = ask(curl, stage.open, path)
        hidden = ask(curl, stage.closed, path)
    finally:
        stage.refusing.faults = Faults()
    assert (answer.status, hidden.status) == (status, status)
    members = {str(told.get("next-hop")): told for _, told in answer.members("proxy-status")}
    assert members["delta"] == {"next-hop": "delta", **named}
    ((_, shortly),) = hidden.members("proxy-status")
    assert shortly.items() >= nameless.items()
    assert "next-hop" not in shortly
    for text in (hidden.body.decode(), *hidden.fields.values()):
        assert not [name for name in (*NAMES, "delta") if name in text], text
    explains(answer)


# -- listings say who holds what, how fresh it is, and who is missing --------------------------------------------------------


@pytest.mark.row("M1")
@pytest.mark.peer("curl", "nginx", "apache")
def test_a_whole_listing_names_the_holders_of_each_entry(stage, curl):
    answer = ask(curl, stage.open, "/whole/", *PROPFIND, "-d", OURS)
    assert answer.status == 207
    assert "proxy-status" not in answer.fields
    two = told(answer, "/whole/two")
    assert two["holders"][0] == ("2",)
    assert [name for name, _ in two["holders"][1:]] == ["alpha", "beta"]
    itself = told(answer, "/whole/")
    assert itself["parts"][:2] == [("3",), ("3",)]
    assert [name for name, _ in itself["parts"][2:]] == list(NAMES)
    ages = {int(age) for _, age in itself["parts"][2:]} | {int(itself["age"][0][0])}
    assert ages <= set(range(60))


@pytest.mark.row("M1")
@pytest.mark.peer("curl", "nginx", "apache")
@pytest.mark.usefixtures("stopped")
def test_with_one_of_three_stopped_the_listing_says_so_everywhere(stage, curl):
    answer = ask(curl, stage.open, "/stopped/", *PROPFIND, "-d", OURS)
    assert answer.status == 207
    itself = told(answer, "/stopped/")
    assert itself["parts"][:2] == [("3",), ("2",)]
    assert [name for name, _ in itself["parts"][2:4]] == ["alpha", "beta"]
    ((missing, why),) = itself["parts"][4:]
    assert missing == "gamma"
    assert "refused" in why
    assert [name for name, _ in told(answer, "/stopped/all")["holders"][1:]] == ["alpha", "beta"]
    ((_, trouble),) = answer.members("proxy-status")
    assert (trouble["error"], trouble["next-hop"]) == ("connection_refused", "gamma")

    page: Any = lxml.html.document_fromstring(ask(curl, stage.open, "/stopped/").body)
    rows = {
        row.findtext(".//a"): row.xpath(".//*[@class='h']/text()")
        for row in page.xpath("//tbody/tr")
    }
    assert rows["all"] == ["alpha, beta"]
    assert rows["of-alpha"] == ["alpha"]
    (note,) = page.xpath("//*[@role='note']")
    assert "2 of 3 storage elements answered" in note.text_content()
    assert "gamma: " in note.text_content()
    assert page.findtext(".//details/summary").startswith("2 of 3 storage elements answered, ")
    assert [one.partition(":")[0] for one in page.xpath("//details//li/text()")] == [
        "alpha",
        "beta",
    ]


@pytest.mark.row("M1")
@pytest.mark.peer("curl", "nginx", "apache")
@pytest.mark.usefixtures("stopped")
def test_where_endpoints_are_not_named_counts_say_it(stage, curl):
    listed = ask(curl, stage.closed, "/stopped/", *PROPFIND, "-d", OURS)
    assert told(listed, "/stopped/")["parts"] == [("3",), ("2",)]
    assert told(listed, "/stopped/all")["holders"] == [("2",)]
    details = "2 of 3 storage elements answered"
    assert listed.members("proxy-status") == [
        ("ugrpy", {"error": "connection_refused", "details": details})
    ]
    page = ask(curl, stage.closed, "/stopped/")
    assert details in page.body.decode()
    for answer in (listed, page):
        texts = [answer.body.decode().replace("of-alpha", "").replace("of-beta", "")]
        texts += answer.fields.values()
        assert not [name for name in NAMES if any(name in text for text in texts)]


@pytest.mark.row("M1")
@pytest.mark.peer("curl", "nginx", "apache")
@pytest.mark.usefixtures("paused")
def test_one_that_hangs_is_missing_and_said_to_be_late(stage, curl):
    answer = ask(curl, stage.open, "/paused/", *PROPFIND, "-d", OURS)
    assert told(answer, "/paused/")["parts"][4:] == [("gamma", "no answer within 1 s")]
    ((_, trouble),) = answer.members("proxy-status")
    assert (trouble["error"], trouble["next-hop"]) == ("http_response_timeout", "gamma")
    assert answer.timed["slowest"].endswith('desc="gamma"')


@pytest.mark.peer("curl")
def test_clients_that_ask_for_the_usual_get_nothing_of_ours(stage, curl):
    answer = ask(curl, stage.open, "/whole/", *PROPFIND, "-d", USUAL)
    assert b"UGRPY" not in answer.body
