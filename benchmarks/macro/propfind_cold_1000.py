"""What does listing a collection of 1,000 names cost that nobody asked for before? Three listings fetched, merged, rendered."""

from benchmarks.corpus import Corpus
from benchmarks.load import Plan
from benchmarks.model import Result, Settings
from benchmarks.rounds import interleave, same_every_round
from benchmarks.scene import check_listing, described, set_up
from benchmarks.topology import Topology

CONNECTIONS = 4
FIRST_COLD = 1000
# More collections than a second can use up.
LISTS_PER_S = 400


def run(settings: Settings) -> Result:
    """nginx and the gateway, in turn; every request names another collection."""
    with Topology() as topology:
        scene = set_up(topology, Corpus(seed=settings.seed))
        nginx = topology.nginx(scene.location())
        gateway = scene.gateway("gateway")
        check_listing(scene, gateway, 0)
        count = int(LISTS_PER_S * settings.seconds)

        def cold(number: int) -> Plan:
            ask = scene.ask("lists", first=FIRST_COLD + number * count, names=count, found=207)
            return scene.plan(gateway, ask, settings.seconds, connections=CONNECTIONS)

        rounds = interleave(
            topology,
            {
                "nginx": same_every_round(scene.plan(nginx, scene.ask("fixed"), settings.seconds)),
                "gateway": cold,
            },
            settings.repeat,
        )
        return Result(
            rounds.table(),
            rounds.all_against("nginx"),
            rounds.statuses(),
            notes=(described(scene.corpus),),
        )
