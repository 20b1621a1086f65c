"""What does a cold redirect cost when the nearest of eight elements tells wrong lengths, denies what it has, or speaks of something else?

``wrong_length``: by turns, as names fall, it tells a file one byte too long, announces its answer longer than it is, or shorter. ``not_found``: 404 for
every file, those it has included. ``other_directory``: it answers about another collection, whatever it was asked about.
"""

from benchmarks.habits import Habit
from benchmarks.model import Result, Settings
from benchmarks.one_bad import DELAY_MS, MEMBERS, Bad, compare, corpus_of_8
from benchmarks.scene import set_up
from benchmarks.topology import Topology

# Three ways to lie and the truth, in one run.
LIES = (Habit.WRONG_LENGTH, Habit.NOT_FOUND, Habit.OTHER_DIRECTORY)
SHORTER = 2


def run(settings: Settings) -> Result:
    """All eight well, then the nearest one lying in each way, in turn."""
    with Topology() as topology:
        corpus = corpus_of_8(settings.seed)
        scene = set_up(topology, corpus, delay_ms=DELAY_MS, bad=dict.fromkeys(LIES, 0))
        bad = {
            # what it says of a length may be true
            str(habit): Bad([url, *scene.urls[1:MEMBERS]], shunned=habit is not Habit.WRONG_LENGTH)
            for habit, url in zip(LIES, scene.urls[MEMBERS:], strict=True)
        }
        return compare(scene, settings, bad, longer=SHORTER)
