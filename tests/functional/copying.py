"""Where do the tests of third-party copy play? Two XRootD servers that copy by themselves and an nginx that does not, behind one gateway.

The federation's names lie below a path for each storage, so that a test says where its file is: ``/a`` and ``/b`` on XRootD, ``/n`` on
nginx, ``/all`` on all three. ``outside`` is a storage that is not federated.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.functional.helpers.settings import Table, configuration
from tests.peers.ask import Answer, ask
from tests.peers.bench import Bench
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer
from ugrpy.testing import StorageElement, Tree, in_thread

DATA = bytes(range(256)) * 12_000
"""Three megabytes."""
LOOPBACK = "127.0.0.0/8"


@dataclass(frozen=True, slots=True)
class Grid:
    """A gateway and its storages by name."""

    gateway: Gateway
    storages: Mapping[str, PeerServer]
    outside: StorageElement

    def at(self, path: str) -> str:
        """The gateway's URL."""
        return self.gateway.url + path

    def there(self, path: str) -> str:
        """The URL on the server outside."""
        return self.outside.base_url + path

    def copy(self, path: str, headers: Mapping[str, str]) -> Answer:
        """COPY as a client does that follows redirects, sending all headers again."""
        answer = ask("COPY", self.at(path), headers=headers, timeout_s=30)
        if answer.status == 307:
            answer = ask("COPY", answer.headers["location"], headers=headers, timeout_s=30)
        return answer

    def on(self, name: str, path: str) -> bytes | None:
        """What a storage has on its disk under a federated path."""
        file = self.storages[name].root / path.lstrip("/")
        return file.read_bytes() if file.exists() else None

    def whose(self, url: str) -> str:
        """The storage that a URL leads to."""
        (found,) = [n for n, one in self.storages.items() if url.startswith(one.url + "/")]
        return found


def last_line(answer: Answer) -> str:
    """How a copy ended."""
    return answer.text.strip().splitlines()[-1].strip()


@contextmanager
def grid(folder: Path, *, copy: Table | None = None, grace_s: float = 20.0) -> Iterator[Grid]:
    """Start everything. ``copy`` is the table of that name."""
    with (
        Bench() as bench,
        in_thread(StorageElement(Tree(), writable=True)) as outside,
        GatewayStarter(folder) as start,
    ):
        storages = {"a": bench.xrootd_http(), "b": bench.xrootd_http(), "n": bench.nginx_dav()}
        endpoints: dict[str, Table] = {
            name: {
                "url": server.url,
                "mounts": [f"/{name} = /{name}", "/all = /all"],
                "writable": True,
                "third_party_copy": name != "n",
            }
            for name, server in storages.items()
        }
        text = configuration(
            endpoints,
            changes={
                "write_from": [LOOPBACK],
                "state_dir": str(folder / "state"),
                "upload_grace_s": grace_s,
            },
            copy={"partner_networks": [LOOPBACK], **(copy or {})},
        )
        yield Grid(start(config=text), storages, outside)
