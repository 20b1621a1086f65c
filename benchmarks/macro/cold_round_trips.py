"""How many round trips to storage does a new name cost? Three elements 50 ms away; one is needed, two would be a stat and a locate."""

from benchmarks.corpus import Corpus
from benchmarks.load import Plan
from benchmarks.model import Result, Settings, at_most
from benchmarks.rounds import interleave
from benchmarks.scene import FIRST_COLD, described, set_up
from benchmarks.topology import Topology

DELAY_MS = 50.0
OPEN_RATE = 40.0
# One round trip and the gateway's own work; anything asked twice is 2 or more.
MOST_ROUND_TRIPS = 1.5


def run(settings: Settings) -> Result:
    """The gateway alone: the yardstick is the distance."""
    with Topology() as topology:
        scene = set_up(topology, Corpus(seed=settings.seed), delay_ms=DELAY_MS)
        gateway = scene.gateway("gateway")
        scene.warm(gateway, scene.ask("each", names=300))
        count = int(4 * OPEN_RATE * settings.seconds)

        def cold(number: int) -> Plan:
            ask = scene.ask("each", first=FIRST_COLD + number * count, names=count)
            return scene.plan(
                gateway, ask, settings.seconds, rate=OPEN_RATE, seed=settings.seed + number
            )

        rounds = interleave(topology, {"gateway": cold}, settings.repeat)
        trips = rounds.table()["gateway"]["p50_us"].median / 1000 / DELAY_MS
        return Result(
            rounds.table(),
            {},
            rounds.statuses(),
            (at_most("round trips of a cold GET (median)", trips, MOST_ROUND_TRIPS),),
            (described(scene.corpus), f"elements answer after {DELAY_MS:g} ms"),
        )
