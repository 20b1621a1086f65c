"""Where do the tests that write play? Real storages that take changes, and one that does not, behind one gateway.

Each storage has a place of its own; whoever comes from 127.0.0.1 stands at the first. Every test uses names of its own, so that
the servers can be shared by a file of tests.
"""

import http.client
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.functional.helpers.asking import answer_of, until
from tests.functional.helpers.settings import Table, configuration
from tests.peers.ask import Answer, ask
from tests.peers.bench import Bench
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer
from ugrpy.core.urls import encode_path

NAMES = ("nginx", "apache", "xrootd")
PLACES: Mapping[str, tuple[float, float]] = {
    "nginx": (48.5, -123.4),
    "apache": (46.2, 6.1),
    "xrootd": (35.7, 139.8),
    "fixed": (-33.9, 151.2),
}
CLIENTS: Mapping[str, str] = {"nginx": "127.0.0.1", "apache": "127.0.1.1", "xrootd": "127.0.2.1"}
"""An address to ask from, by the storage that is nearest to it."""
NETWORKS: Mapping[str, str] = {
    "nginx": "127.0.0.0/24",
    "apache": "127.0.1.0/24",
    "xrootd": "127.0.2.0/24",
}
GRACE_S = 1.5
"""After so long an upload that has not begun is given up."""


@dataclass(frozen=True, slots=True)
class Site:
    """A gateway and its storages by name; ``fixed`` takes no changes."""

    gateway: Gateway
    storages: Mapping[str, PeerServer]
    writable: Sequence[str] = field(default=NAMES)

    def at(self, path: str) -> str:
        """The gateway's URL of a decoded path."""
        return self.gateway.url + encode_path(path)

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        *,
        near: str = "nginx",
    ) -> Answer:
        """One request for a decoded path, from the place of a storage; nothing is followed."""
        return ask_from(CLIENTS[near], method, self.at(path), headers, body)

    def put(
        self,
        path: str,
        data: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        near: str = "nginx",
    ) -> str:
        """Upload as a client does that follows the redirect; the storage it went to."""
        answer = self.ask(
            "PUT", path, {"Expect": "100-continue", **(headers or {})} | _length(data), near=near
        )
        assert answer.status == 307, answer
        stored = ask_from(CLIENTS[near], "PUT", answer.headers["location"], None, data)
        assert stored.status in (200, 201, 204), stored
        return self.whose(answer.headers["location"])

    def redirected(self, answer: Answer) -> str:
        """The storage that a redirect leads to."""
        assert answer.status in (302, 307), answer
        return self.whose(answer.headers["location"])

    def whose(self, url: str) -> str:
        """The storage that a URL leads to."""
        (found,) = [
            name for name, server in self.storages.items() if url.startswith(server.url + "/")
        ]
        return found

    def status(self, path: str, *, near: str = "nginx") -> int:
        """What HEAD says."""
        return self.ask("HEAD", path, near=near).status

    def read(self, path: str, *, near: str = "nginx") -> bytes:
        """The bytes of a file, by the redirect."""
        answer = self.ask("GET", path, near=near)
        assert answer.status == 302, answer
        there = ask("GET", answer.headers["location"])
        assert there.status == 200, there
        return there.body

    def file(self, name: str, path: str) -> Path:
        """A file or directory on a storage."""
        return self.storages[name].root / path.lstrip("/")

    def holders(self, path: str) -> list[str]:
        """Who has it on the disk."""
        return [name for name in self.storages if self.file(name, path).exists()]

    def write(self, path: str, data: bytes, *names: str) -> None:
        """Put a file on storages behind the gateway's back, of the same date everywhere."""
        for name in names:
            self.storages[name].write(path, data)

    def until_holders(self, path: str, *names: str) -> None:
        """Wait until just these have it on the disk."""
        until(lambda: self.holders(path) == list(names), f"{path} on {names} only")


def _length(data: bytes) -> dict[str, str]:
    return {"Content-Length": str(len(data))}


def ask_from(
    source: str,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """One request from a loopback address; with ``Content-Length`` among the headers and no body, the body is held back."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=20, source_address=(source, 0)
    )
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.putrequest(method, target, skip_accept_encoding=True)
        sent = {**({} if body is None else _length(body)), **(headers or {})}
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return answer_of(connection.getresponse())
    finally:
        connection.close()


def settings(
    storages: Mapping[str, PeerServer],
    state: Path,
    *,
    fixed: Sequence[str] = (),
    changes: Table | None = None,
    endpoint: Table | None = None,
    others: Mapping[str, str] | None = None,
    **tables: Table,
) -> str:
    """The text of a configuration in which all but ``fixed`` take changes from this machine. ``others`` are more URLs by name."""
    urls = {name: server.url for name, server in storages.items()} | dict(others or {})
    endpoints = {
        name: {
            "url": url,
            "location": list(PLACES.get(name, (0.0, 0.0))),
            "writable": name not in fixed,
            **(endpoint or {}),
        }
        for name, url in urls.items()
    }
    return configuration(
        endpoints,
        arrays=[
            ("locality.networks", {"networks": [network], "position": list(PLACES[name])})
            for name, network in NETWORKS.items()
        ],
        changes={
            "write_from": ["127.0.0.0/8"],
            "state_dir": str(state),
            "upload_grace_s": GRACE_S,
            **(changes or {}),
        },
        **tables,
    )


@contextmanager
def site(
    bench: Bench,
    folder: Path,
    names: Sequence[str] = NAMES,
    *,
    fixed: bool = False,
    changes: Table | None = None,
    endpoint: Table | None = None,
    others: Mapping[str, str] | None = None,
    arguments: Sequence[str] = (),
    **tables: Table,
) -> Iterator[Site]:
    """Start storages of these kinds (``nginx2`` is a second nginx), and a gateway over them."""
    storages = {name: start_storage(bench, name) for name in names}
    if fixed:
        storages["fixed"] = bench.nginx_dav()
    text = settings(
        storages,
        folder / "state",
        fixed=("fixed",),
        changes=changes,
        endpoint=endpoint,
        others=others,
        **tables,
    )
    with GatewayStarter(folder) as start:
        yield Site(start(config=text, arguments=arguments), storages, tuple(names))


def start_storage(bench: Bench, name: str) -> PeerServer:
    """A storage of the kind its name begins with."""
    if name.startswith("apache"):
        return bench.apache_dav()
    if name.startswith("xrootd"):
        return bench.xrootd_http()
    return bench.nginx_dav()
