"""What does a cold redirect cost when the nearest of eight elements accepts and never answers?"""

from benchmarks.model import Result, Settings
from benchmarks.one_bad import DELAY_MS, MEMBERS, compare, corpus_of_8
from benchmarks.scene import set_up
from benchmarks.topology import Topology


def run(settings: Settings) -> Result:
    """All eight well, then the nearest one hanging, in turn."""
    with Topology() as topology:
        scene = set_up(topology, corpus_of_8(settings.seed), delay_ms=DELAY_MS, hang=(0,))
        return compare(scene, settings, [scene.urls[MEMBERS], *scene.urls[1:MEMBERS]])
