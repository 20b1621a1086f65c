"""The scene most macro benchmarks play in: nginx as yardstick, storage elements, a gateway that answers rightly.

Checks of what the answers say are made here, before anything is timed: during the measurement only statuses are looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from lxml import etree

from benchmarks import federation
from benchmarks.corpus import Corpus, list_name, list_path, lookup_path
from benchmarks.habits import Habit
from benchmarks.load import Plan
from benchmarks.model import WrongAnswer
from benchmarks.rounds import load
from benchmarks.storage import Element
from benchmarks.topology import Server, Topology, fetch
from benchmarks.workload import Ask

# Names a warm-up and its checks may use without touching those a cold run is going to ask for.
FIRST_COLD = 1_000_000
CHECKED_NAMES = 40


@dataclass(frozen=True, slots=True)
class Scene:
    """A running topology with its corpus; ``urls`` are the storage elements'."""

    topology: Topology
    corpus: Corpus
    urls: Sequence[str]

    def gateway(
        self, name: str, urls: Sequence[str] | None = None, /, **more: Mapping[str, object]
    ) -> Server:
        """Start a gateway over the elements (or over ``urls``)."""
        geoip = self.topology.directory / "zones.mmdb"
        if not geoip.exists():
            federation.write_geoip(geoip)
        tree = federation.settings(urls or self.urls, geoip, **more)
        return self.topology.gateway(name, tree)

    def location(self) -> str:
        """A constant ``Location`` as long as the gateway's."""
        return self.urls[0] + lookup_path(0)

    def plan(self, server: Server, ask: Ask, seconds: float, **more: object) -> Plan:
        """A plan for ``server``; ``more`` are other fields of ``Plan``."""
        base = {"host": server.host, "port": server.port, "server_pid": server.pid}
        return Plan(**base, ask=ask, seconds=seconds, **more)  # type: ignore[arg-type]

    def ask(self, kind: str, **more: object) -> Ask:
        """What to ask of the corpus; ``more`` are other fields of ``Ask``."""
        return Ask(kind, self.corpus.as_json(), **more)  # type: ignore[arg-type]

    def warm(self, server: Server, ask: Ask) -> None:
        """Ask every name once and check the statuses; raises ``WrongAnswer``."""
        load(self.topology, self.plan(server, ask, 120.0))


def set_up(
    topology: Topology,
    corpus: Corpus,
    *,
    delay_ms: float = 0.0,
    bad: Mapping[Habit, int] | None = None,
) -> Scene:
    """Start the storage elements of ``corpus`` on addresses of their own, and further ones with these habits, each as this member.

    The bad ones come behind the others in ``Scene.urls``, in their order.
    """
    well = [Element(_host(n), n, delay_ms) for n in range(corpus.members)]
    others = [Element(_host(n), n, delay_ms, habit) for habit, n in (bad or {}).items()]
    return Scene(topology, corpus, topology.storage(corpus, well + others))


def _host(member: int) -> str:
    return f"127.0.{member + 1}.1"


def check_redirects(scene: Scene, server: Server, urls: Sequence[str] | None = None) -> None:
    """Every zone is sent to its nearest holder, and names that are nowhere are 404. Raises ``WrongAnswer``."""
    for zone in federation.ZONES:
        for index in range(CHECKED_NAMES):
            status, headers, _ = fetch(server.port, "GET", lookup_path(index), source=zone)
            location = headers.get("location", "")
            right = (404, "")
            if scene.corpus.holders(index):
                right = (
                    302,
                    federation.right_location(zone, scene.corpus, urls or scene.urls, index),
                )
            if (status, location) != right:
                raise WrongAnswer(
                    f"name {index} from {zone}: {status} {location}, not {right[0]} {right[1]}"
                )


def check_listing(scene: Scene, server: Server, number: int) -> None:
    """The listing holds the collection and each name of it once. Raises ``WrongAnswer``."""
    status, _, body = fetch(server.port, "PROPFIND", list_path(number), headers={"Depth": "1"})
    hrefs = [href.text or "" for href in etree.fromstring(body).iter("{DAV:}href")]
    names = {list_name(number, position) for position in range(scene.corpus.list_entries)}
    listed = [href.rpartition("/")[2] for href in hrefs[1:]]
    if (
        status != 207
        or not hrefs
        or hrefs[0] != list_path(number)
        or sorted(listed) != sorted(names)
    ):
        raise WrongAnswer(f"list {number}: {status} with {len(hrefs)} of {len(names) + 1} names")


def described(corpus: Corpus) -> str:
    """The corpus as a note of the result."""
    return "corpus " + " ".join(f"{key}={value}" for key, value in asdict(corpus).items())
