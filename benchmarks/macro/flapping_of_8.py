"""What does a cold redirect cost when the nearest of eight elements comes and goes every two seconds?

It refuses connections one time and is silent the next. The window is long enough for both.
"""

from benchmarks.habits import DOWN_S, UP_S, Habit
from benchmarks.model import Result, Settings
from benchmarks.one_bad import DELAY_MS, MEMBERS, Bad, compare, corpus_of_8
from benchmarks.scene import set_up
from benchmarks.topology import Topology

BOTH_WAYS = 2 * (UP_S + DOWN_S)


def run(settings: Settings) -> Result:
    """All eight well, then the nearest one coming and going, in turn; the clock of the element is not the clients'."""
    with Topology() as topology:
        corpus = corpus_of_8(settings.seed)
        scene = set_up(topology, corpus, delay_ms=DELAY_MS, bad={Habit.FLAPPING: 0})
        urls = [scene.urls[MEMBERS], *scene.urls[1:MEMBERS]]
        bad = {"flapping": Bad(urls, shunned=False)}
        return compare(scene, settings, bad, longer=BOTH_WAYS)
