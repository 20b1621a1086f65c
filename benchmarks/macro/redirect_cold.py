"""What does a redirect cost that nobody asked for before? Three elements, a new name in every request.

``gateway`` is the closed loop with 64 connections: capacity. ``gateway_open`` gets 200 requests a second whatever happens: the
latency a client sees of a gateway that is not overloaded.
"""

from benchmarks.corpus import Corpus
from benchmarks.load import Plan
from benchmarks.model import Result, Settings
from benchmarks.rounds import interleave, same_every_round
from benchmarks.scene import FIRST_COLD, described, set_up
from benchmarks.topology import Topology

OPEN_RATE = 200.0
# More names than a second of the closed loop can use up.
NAMES_PER_S = 8000


def run(settings: Settings) -> Result:
    """nginx and both loads on one gateway, in turn; every round asks for names of its own."""
    with Topology() as topology:
        scene = set_up(topology, Corpus(seed=settings.seed))
        nginx = topology.nginx(scene.location())
        gateway = scene.gateway("gateway")
        scene.warm(gateway, scene.ask("each", names=500))
        count = int(NAMES_PER_S * settings.seconds)

        def cold(number: int, rate: float) -> Plan:
            first = FIRST_COLD + 2 * number * count + (count if rate else 0)
            ask = scene.ask("each", first=first, names=count)
            return scene.plan(
                gateway, ask, settings.seconds, rate=rate, seed=settings.seed + number
            )

        constant = scene.ask("fixed")
        rounds = interleave(
            topology,
            {
                "nginx": same_every_round(scene.plan(nginx, constant, settings.seconds)),
                "gateway": lambda number: cold(number, 0.0),
                "gateway_open": lambda number: cold(number, OPEN_RATE),
            },
            settings.repeat,
        )
        ratios = {"gateway / nginx": rounds.against("gateway", "nginx")}
        return Result(rounds.table(), ratios, rounds.statuses(), notes=(described(scene.corpus),))
