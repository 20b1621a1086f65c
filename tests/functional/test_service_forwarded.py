"""Whose address counts for the ranking: the peer's, or that of a client behind a proxy the operator trusts."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from tests.peers.gateway import Gateway, GatewayStarter
from ugrpy.demo.client import ask as ask_from
from ugrpy.demo.geoip import write_geoip
from ugrpy.demo.sites import Site
from ugrpy.testing import StorageElement, Tree, in_thread

pytestmark = pytest.mark.functional

WEST = Site("west", "Victoria", "CA", IPv4Network("127.0.2.0/24"), 48.5, -123.4)
EAST = Site("east", "Geneva", "CH", IPv4Network("127.0.3.0/24"), 46.2, 6.1)
PROXY = "127.0.9.1"
OUTER_PROXY = "127.0.9.2"


class Scene:
    """Two storage elements far apart, and a gateway that believes the proxies in 127.0.9.0/24."""

    def __init__(self, gateway: Gateway, sites: dict[str, str], log: Path) -> None:
        self.gateway = gateway
        self.log = log
        self._sites = sites
        self._asked = 0

    def sent(self, source: str, *headers: tuple[str, str]) -> str:
        """Where a client at ``source`` with these headers is sent."""
        reply = ask_from("GET", f"{self.gateway.url}/file", source=source, headers=dict(headers))
        assert reply.status == 302
        return self._sites[reply.location.removesuffix("/file")]


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("forwarded")
    write_geoip(folder / "places.mmdb", [WEST, EAST])
    tree = Tree({"/file": b"x"})
    with (
        in_thread(StorageElement(tree, listen=(WEST.storage_address, 0))) as west,
        in_thread(StorageElement(tree, listen=(EAST.storage_address, 0))) as east,
        GatewayStarter(folder) as start,
    ):
        gateway = start(
            {"west": west.base_url, "east": east.base_url},
            geoip=[folder / "places.mmdb"],
            trusted_proxies=["127.0.9.0/24"],
            arguments=[f"--access-log={folder / 'access'}"],
        )
        sites = {west.base_url: "west", east.base_url: "east"}
        yield Scene(gateway, sites, folder / "access")


@pytest.mark.parametrize(("site", "expected"), [(WEST, "west"), (EAST, "east")])
def test_a_client_without_a_proxy(scene, site, expected):
    assert scene.sent(site.client_address) == expected


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("X-Forwarded-For", WEST.client_address, "west"),
        ("X-Forwarded-For", EAST.client_address, "east"),
        ("Forwarded", f"for={WEST.client_address}", "west"),
        ("Forwarded", f'proto=https;for="{EAST.client_address}:4711"', "east"),
        # what the client itself has written stands on the left and is hearsay
        ("X-Forwarded-For", f"{WEST.client_address}, {EAST.client_address}", "east"),
        ("X-Forwarded-For", f"{EAST.client_address}, {WEST.client_address}", "west"),
        ("Forwarded", f"for={WEST.client_address}, for={EAST.client_address}", "east"),
        # through two proxies that are both trusted
        ("X-Forwarded-For", f"{WEST.client_address}, {OUTER_PROXY}", "west"),
        ("X-Forwarded-For", f"{EAST.client_address}, {WEST.client_address}, {OUTER_PROXY}", "west"),
    ],
)
def test_a_trusted_proxy_is_believed(scene, header, value, expected):
    assert scene.sent(PROXY, (header, value)) == expected


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_nobody_else_is_believed(scene, header):
    form = "{}" if header == "X-Forwarded-For" else "for={}"
    lie = (header, form.format(WEST.client_address))
    assert scene.sent(EAST.client_address, lie) == "east"
    lie = (header, form.format(EAST.client_address))
    assert scene.sent(WEST.client_address, lie) == "west"


def test_headers_that_agree_are_believed(scene):
    both = (
        ("X-Forwarded-For", EAST.client_address),
        ("Forwarded", f"for={EAST.client_address}"),
    )
    assert scene.sent(PROXY, *both) == "east"


def test_one_answer_is_never_given_to_another_client(scene):
    """The first one's answer is remembered; the place of the next one counts all the same."""
    for _ in range(3):
        assert scene.sent(PROXY, ("X-Forwarded-For", WEST.client_address)) == "west"
        assert scene.sent(PROXY, ("X-Forwarded-For", EAST.client_address)) == "east"


def test_the_log_names_the_client_and_not_the_proxy(scene):
    """Headers that contradict each other make the client unknown."""
    scene.gateway.stop()
    scene.gateway.start()
    before = len(scene.log.read_text().splitlines())
    scene.sent(PROXY, ("X-Forwarded-For", WEST.client_address))
    scene.sent(EAST.client_address, ("X-Forwarded-For", WEST.client_address))
    scene.sent(PROXY, ("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.2"))
    scene.sent(PROXY)
    scene.gateway.stop()
    lines = scene.log.read_text().splitlines()[before:]
    clients = [match[1] for line in lines if (match := re.search(r" client=(\S+) ", line))]
    assert clients == [WEST.client_address, EAST.client_address, "-", PROXY]
    scene.gateway.start()
