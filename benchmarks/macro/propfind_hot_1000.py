"""What does listing a cached collection of 1,000 names cost? PROPFIND Depth 1, the union of three elements; ``gzip`` for a client that takes it."""

from collections.abc import Callable

from benchmarks.corpus import Corpus
from benchmarks.load import Plan
from benchmarks.model import Result, Settings
from benchmarks.rounds import interleave_calm, same_every_round
from benchmarks.scene import check_listing, described, set_up
from benchmarks.topology import Topology

CONNECTIONS = 8


def run(settings: Settings) -> Result:
    """nginx (whose constant 302 is the unit listings are told in, too) and the gateway, in turn."""
    with Topology() as topology:
        scene = set_up(topology, Corpus(seed=settings.seed))
        nginx = topology.nginx(scene.location())
        gateway = scene.gateway("gateway")
        check_listing(scene, gateway, 0)

        def again(encoding: str) -> Callable[[int], Plan]:
            ask = scene.ask("lists", names=1, found=207, repeat=True, encoding=encoding)
            return same_every_round(
                scene.plan(gateway, ask, settings.seconds, connections=CONNECTIONS)
            )

        constant = scene.plan(nginx, scene.ask("fixed"), settings.seconds)
        rounds = interleave_calm(
            topology,
            {
                "nginx": same_every_round(constant),
                "gateway": again("identity"),
                "gateway_gzip": again("gzip"),
            },
            settings.repeat,
        )
        return Result(
            rounds.table(),
            rounds.all_against("nginx"),
            rounds.statuses(),
            notes=(described(scene.corpus), *rounds.disturbed()),
        )
