"""What does a cold redirect cost when the nearest of eight elements accepts and never answers?"""

from benchmarks.habits import Habit
from benchmarks.model import Result, Settings
from benchmarks.one_bad import DELAY_MS, MEMBERS, Bad, compare, corpus_of_8
from benchmarks.scene import set_up
from benchmarks.topology import Topology


def run(settings: Settings) -> Result:
    """All eight well, then the nearest one hanging, in turn."""
    with Topology() as topology:
        corpus = corpus_of_8(settings.seed)
        scene = set_up(topology, corpus, delay_ms=DELAY_MS, bad={Habit.HANG: 0})
        urls = [scene.urls[MEMBERS], *scene.urls[1:MEMBERS]]
        return compare(scene, settings, {"one_slow": Bad(urls, lists=True)})
