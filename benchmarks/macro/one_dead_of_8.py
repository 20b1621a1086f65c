"""What does a cold redirect cost when nobody listens at the nearest of eight elements?"""

from benchmarks.model import Result, Settings
from benchmarks.one_bad import DELAY_MS, MEMBERS, Bad, compare, corpus_of_8
from benchmarks.scene import set_up
from benchmarks.topology import Topology, free_port


def run(settings: Settings) -> Result:
    """All eight well, then the nearest one refusing connections, in turn."""
    with Topology() as topology:
        scene = set_up(topology, corpus_of_8(settings.seed), delay_ms=DELAY_MS)
        dead = f"http://127.0.1.1:{free_port('127.0.1.1')}"
        return compare(
            scene, settings, {"one_dead": Bad([dead, *scene.urls[1:MEMBERS]], lists=True)}
        )
