"""How fast is a metalink of cached replicas? 10,000 names, Zipf 1.0, three client zones, all replicas ranked and rendered."""

from lxml import etree

from benchmarks.corpus import Corpus, lookup_path
from benchmarks.model import Result, Settings, WrongAnswer
from benchmarks.rounds import interleave_calm, same_every_round
from benchmarks.scene import Scene, described, set_up
from benchmarks.topology import Server, Topology, fetch

ACCEPT = "application/metalink4+xml"
CHECKED_NAMES = 20


def run(settings: Settings) -> Result:
    """nginx and the gateway, in turn."""
    with Topology() as topology:
        scene = set_up(topology, Corpus(seed=settings.seed))
        nginx = topology.nginx(scene.location())
        gateway = scene.gateway("gateway")
        scene.warm(gateway, scene.ask("each", accept=ACCEPT, found=200))
        check_metalinks(scene, gateway)
        names = scene.ask("zipf", accept=ACCEPT, found=200, seed=settings.seed)
        rounds = interleave_calm(
            topology,
            {
                "nginx": same_every_round(scene.plan(nginx, scene.ask("fixed"), settings.seconds)),
                "gateway": same_every_round(scene.plan(gateway, names, settings.seconds)),
            },
            settings.repeat,
        )
        return Result(
            rounds.table(),
            rounds.all_against("nginx"),
            rounds.statuses(),
            notes=(described(scene.corpus), *rounds.disturbed()),
        )


def check_metalinks(scene: Scene, server: Server) -> None:
    """Each metalink names exactly the holders. Raises ``WrongAnswer``."""
    for index in range(CHECKED_NAMES):
        holders = scene.corpus.holders(index)
        if not holders:
            continue
        _, _, body = fetch(server.port, "GET", lookup_path(index), headers={"Accept": ACCEPT})
        named = etree.fromstring(body).findall(".//{urn:ietf:params:xml:ns:metalink}url")
        right = {scene.urls[member] + lookup_path(index) for member in holders}
        if {url.text for url in named} != right:
            raise WrongAnswer(
                f"the metalink of name {index} does not name its {len(right)} holders"
            )
