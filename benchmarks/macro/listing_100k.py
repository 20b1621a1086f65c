"""What does listing a collection of 100,000 names over three elements cost? A fresh gateway, PROPFIND Depth 1, against nginx sending the same bytes.

About a third of the names are on two or three elements. ``cold``: elements list in order of names. ``cold_unsorted``: each in an order
of its own, as disks do. ``cold_gzip``: as ``cold``, for a client that takes gzip. ``again``: the gateway of ``cold`` once more.
The server runs on the first core, elements (nginx with files) and client on the others.
"""

from collections.abc import Mapping

from benchmarks import procfs
from benchmarks.corpus import Corpus, list_path
from benchmarks.model import Result, Settings, at_most
from benchmarks.prepared import SORTED, UNSORTED, prepare
from benchmarks.rounds import Rounds, Sample
from benchmarks.scene import Scene, described
from benchmarks.series import Spread, ratios, spread
from benchmarks.single import Answer, ask, check_listing
from benchmarks.topology import Server, Topology, pinned

ENTRIES = 100_000
# every round starts three gateways
MOST_ROUNDS = 3
# how much a gateway may grow over its idle size while it merges such a listing
MOST_GROWTH_MB = 60.0
COLD = ("cold", "cold_unsorted", "cold_gzip")
METRICS = ("first_ms", "total_ms", "cpu_ms", "growth_mb", "body_mb")


def run(settings: Settings, entries: int = ENTRIES) -> Result:
    """nginx and the gateways, in turn."""
    corpus = Corpus(settings.seed, replicas_min=2, list_entries=entries, list_shared_percent=34)
    with Topology() as topology:
        scene = prepare(topology, corpus)
        folder = topology.directory / "same"
        folder.mkdir()
        nginx = topology.nginx_files("same", folder, topology.server_cores)
        table: dict[str, list[Sample]] = {}
        with pinned(topology.other_cores):
            for number in range(min(settings.repeat, MOST_ROUNDS)):
                for subject, sample in _round(scene, nginx, number).items():
                    table.setdefault(subject, []).append(sample)
    rounds = Rounds(table)
    growth_mb = max(max(rounds.values(subject, "growth_mb")) for subject in COLD)
    return Result(
        {
            subject: {metric: spread(rounds.values(subject, metric)) for metric in METRICS}
            for subject in table
        },
        {
            f"{subject} / nginx": _against(rounds, subject)
            for subject in table
            if subject != "nginx"
        },
        rounds.statuses(),
        (at_most("growth while listing cold, MB", growth_mb, MOST_GROWTH_MB),),
        (described(corpus),),
    )


def _round(scene: Scene, nginx: Server, number: int) -> dict[str, Sample]:
    """One sample of every subject."""
    samples: dict[str, Sample] = {}
    gateway = scene.gateway(f"sorted{number}")
    idle_bytes = procfs.rss_bytes(gateway.pid)
    cold = _list(scene, gateway, SORTED)
    samples["cold"] = cold.sample()
    samples["again"] = _list(scene, gateway, SORTED, idle_bytes=idle_bytes).sample()
    scene.topology.stop(gateway)
    for subject, list_number, encoding in (
        ("cold_unsorted", UNSORTED, ""),
        ("cold_gzip", SORTED, "gzip"),
    ):
        gateway = scene.gateway(f"{subject}{number}")
        samples[subject] = _list(scene, gateway, list_number, encoding).sample()
        scene.topology.stop(gateway)
    same = scene.topology.directory / "same" / "listing.xml"
    same.write_bytes(cold.text())
    return {"nginx": ask(nginx, "GET", "/listing.xml", {}).sample(), **samples}


def _list(
    scene: Scene, gateway: Server, number: int, encoding: str = "", idle_bytes: int = 0
) -> Answer:
    headers: Mapping[str, str] = {"Depth": "1", "Accept-Encoding": encoding or "identity"}
    answer = ask(gateway, "PROPFIND", list_path(number), headers, idle_bytes)
    check_listing(scene, number, answer)
    return answer


def _against(rounds: Rounds, subject: str) -> dict[str, Spread]:
    """How many times nginx's speed, to the first and to the last byte and by CPU time."""
    return {
        name: spread(ratios(rounds.values("nginx", metric), rounds.values(subject, metric)))
        for name, metric in (("first byte", "first_ms"), ("total", "total_ms"), ("cpu", "cpu_ms"))
    }
