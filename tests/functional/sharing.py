"""Where do the tests of shared stores play? Gateways of two workers each before one storage element that counts what it is asked."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

from tests.functional.helpers.asking import until
from tests.functional.helpers.settings import NEVER_EJECT, QUIET, Table, configuration
from tests.functional.helpers.storage import asks
from tests.peers import memcached, redis
from tests.peers.ask import Answer, ask
from tests.peers.gateway import Gateway, GatewayStarter
from tests.peers.server import PeerServer
from ugrpy.testing import FileNode, StorageElement, Tree, in_thread

LEASE_S = 1.0
TIMEOUT_S = 0.2
# So many requests on new connections reach both workers, but for one time in a million.
BOTH = 20
MTIME_S = 1_600_000_000


def place_of(stores: Sequence[PeerServer]) -> dict[str, object]:
    """The stores as they are configured."""
    if stores and stores[0].name == "redis":
        return {"url": redis.url_of(stores[0])}
    return {"memcached": [memcached.place(store) for store in stores]}


@dataclass
class Site:
    """``gateways`` share ``stores``; each takes changes of the one storage ``element``."""

    element: StorageElement
    stores: Sequence[PeerServer]
    gateways: Sequence[Gateway]
    _names: Iterator[int] = field(default_factory=count)

    def new_file(self) -> str:
        """The path of a file that nobody has asked for yet."""
        path = f"/d/{next(self._names)}"
        self.element.tree.add_file(path, FileNode(b"0123456789", MTIME_S))
        return path

    def get(self, gateway: int, path: str) -> Answer:
        """One request, to either worker."""
        return ask("GET", self.gateways[gateway].url + path)

    def statuses(self, gateway: int, path: str, times: int = BOTH) -> set[int]:
        """What both workers say."""
        return {self.get(gateway, path).status for _ in range(times)}

    def delete(self, gateway: int, path: str) -> int:
        """The status that the client is told."""
        return ask("DELETE", self.gateways[gateway].url + path).status

    def asked(self, path: str) -> int:
        """How often the storage element was asked about a name."""
        return sum(times for (_verb, name), times in asks(self.element).items() if name == path)

    def shares(self, first: int = 0, second: int = 1) -> bool:
        """Whether what one gateway was told is believed by all workers of another."""
        path = self.new_file()
        assert self.get(first, path).status == 302
        time.sleep(0.05)  # it is put into the store while the client is answered
        assert self.statuses(second, path) == {302}
        return self.asked(path) == 1

    def until_shared(self) -> None:
        """Wait until both gateways have learnt whom to believe."""
        until(
            lambda: self.shares(0, 1) and self.shares(1, 0), "what one has learnt the other knows"
        )


class Hammer:
    """Asks a gateway for a path again and again while other things happen; ``seen`` has when each question was put and its status."""

    def __init__(self, site: Site, gateway: int, path: str) -> None:
        self.seen: list[tuple[float, int]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, args=(site, gateway, path))

    def _ask(self, site: Site, gateway: int, path: str) -> None:
        while not self._stop.wait(0.02):
            began_s = time.monotonic()
            self.seen.append((began_s, site.get(gateway, path).status))

    def __enter__(self) -> "Hammer":
        self._thread.start()
        return self

    def __exit__(self, *_why: object) -> None:
        self._stop.set()
        self._thread.join()


def run_schedule(site: Site, seed: int, rounds: int) -> None:
    """Delete files while the store is killed, hangs or comes back, and see that nobody tells of them for too long."""
    lot = Random(seed)
    (store,) = site.stores
    for number in range(rounds):
        site.until_shared()
        path, deleter = site.new_file(), lot.randrange(2)
        trouble = lot.choice(("none", "killed", "hangs", "begins anew"))
        story = f"schedule {seed}, round {number}: {store.name} {trouble}, deleted by {deleter}"
        for gateway in (0, 1):
            assert site.statuses(gateway, path, 6) == {302}, story
        with Hammer(site, deleter, path) as own, Hammer(site, 1 - deleter, path) as other:
            befall(store, trouble)
            time.sleep(lot.choice((0.0, 0.1, LEASE_S / 2, LEASE_S)))
            assert site.delete(deleter, path) == 204, story
            gone_s = time.monotonic()
            time.sleep(lot.choice((0.0, LEASE_S / 2, LEASE_S, 2 * LEASE_S)))
            recover(store, trouble)
            time.sleep(2.5 * LEASE_S)
        for whose, seen, limit_s in (
            ("own", own.seen, gone_s),
            ("other", other.seen, gone_s + LEASE_S),
        ):
            late = [(round(at_s - gone_s, 2), code) for at_s, code in seen if at_s >= limit_s]
            assert late, story
            assert {code for _at_s, code in late} == {404}, f"{story}: {whose} {late}"


def befall(store: PeerServer, trouble: str) -> None:
    """What happens to the store."""
    match trouble:
        case "killed":
            store.process.kill()
        case "hangs":
            store.pause()
        case "begins anew":
            store.process.kill()
            store.start()


def recover(store: PeerServer, trouble: str) -> None:
    """How it ends."""
    match trouble:
        case "killed":
            store.start()
        case "hangs":
            store.resume()


@contextmanager
def sharing(
    folder: Path,
    stores: Sequence[PeerServer],
    *,
    gateways: int = 2,
    workers: int = 2,
    namespace: str = "ugrpy",
    cache: Table | None = None,
) -> Iterator[Site]:
    """A site whose gateways know how many workers there are."""
    with (
        in_thread(StorageElement(Tree(), writable=True)) as element,
        GatewayStarter(folder) as start,
    ):
        running = []
        for number in range(gateways):
            text = configuration(
                {"one": {"url": element.base_url, "writable": True, **QUIET}},
                health=NEVER_EJECT,
                service={"workers": workers},
                changes={
                    "write_from": ["127.0.0.0/8"],
                    "state_dir": str(folder / f"state-{number}"),
                },
                shared={
                    **place_of(stores),
                    "lease_s": LEASE_S,
                    "timeout_s": TIMEOUT_S,
                    "namespace": namespace,
                    "members": gateways * workers,
                },
                cache=cache or {},
            )
            running.append(start(config=text))
        yield Site(element, stores, running)
