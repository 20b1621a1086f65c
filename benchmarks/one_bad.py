"""One of eight elements is bad, and it is the one nearest to the clients: what do its clients pay?

Fresh gateways every round, over the same elements: with all well, and with the nearest one bad. Fresh, because a gateway learns
about a bad element, and the first clients are the ones who pay for the lesson: what they pay is the ``first`` row, what those who come
later pay the other one, and that has the bound. New names, arriving at a fixed rate.

Every answer must be a redirect, and to an element that holds the name; where the bad one tells no lie that could hold, to
none but the others.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.corpus import Corpus, list_path, lookup_path
from benchmarks.model import Check, Result, Settings, WrongAnswer, at_most
from benchmarks.rounds import Rounds, Sample, load
from benchmarks.scene import FIRST_COLD, Scene, described
from benchmarks.topology import Server, fetch

MEMBERS = 8
DELAY_MS = 5.0
OPEN_RATE = 60.0
# the zone whose nearest element is member 0
SOURCES = ("127.0.11.1",)
# Allowed on top of what it is without the bad element.
SHARE, EXTRA_US = 1.10, 2000.0
DEADLINE_S = 3.0
# The p99 of a window means little unless some hundred requests are in it.
LONGER = 3
# Every round starts a gateway or two for each subject.
MOST_ROUNDS = 3
# Names looked at one by one, after the load.
LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing cost and whether it said that something is missing (``Proxy-Status``, RFC 9209)."""

    seconds: float
    status: int
    marked: bool


@dataclass(frozen=True, slots=True)
class Bad:
    """One way to be bad. ``urls`` are the elements with the bad one in the first place; ``shunned``: no client is ever sent to it."""

    urls: Sequence[str]
    shunned: bool = True
    lists: bool = False


def corpus_of_8(seed: int) -> Corpus:
    """At least two holders for every name, so that each has one that is well."""
    return Corpus(seed, MEMBERS, replicas_min=2, replicas_max=3, miss_percent=0, list_entries=1000)


def compare(
    scene: Scene, settings: Settings, bad: Mapping[str, Bad], *, longer: float = LONGER
) -> Result:
    """All well and each of the bad ones in turn; in windows so many times as long as others, after a first one."""
    settings = replace(settings, repeat=min(settings.repeat, MOST_ROUNDS))
    subjects = {"all_well": Bad(scene.urls[:MEMBERS], shunned=False), **bad}
    samples: dict[str, list[Sample]] = {
        row: [] for name in subjects for row in (f"{name} first", name)
    }
    listings: list[Listing] = []
    for number in range(settings.repeat):
        for name, subject in subjects.items():
            gateway = _fresh(scene, f"{name}{number}", subject.urls)
            asked = _Asked(scene, gateway, settings, number)
            samples[f"{name} first"].append(asked.window(1.0))
            samples[name].append(asked.window(longer))
            _check_places(scene, gateway, subject)
            scene.topology.stop(gateway)
            if subject.lists:
                gateway = _fresh(scene, f"{name}list{number}", subject.urls)
                listings.append(_list(gateway))
                scene.topology.stop(gateway)
    rounds = Rounds(samples)
    checks = [check for name in bad for check in _check_latencies(rounds, name)]
    return Result(
        rounds.table(),
        {},
        rounds.statuses(),
        (*checks, *_check_listings(listings)),
        (described(scene.corpus), *_told(listings)),
    )


class _Asked:
    """One gateway of one round: each window asks for names that nobody has asked for."""

    def __init__(self, scene: Scene, gateway: Server, settings: Settings, number: int) -> None:
        self._scene = scene
        self._gateway = gateway
        self._settings = settings
        self._seed = settings.seed + number
        self._first = FIRST_COLD

    def window(self, longer: float) -> Sample:
        """So many times as long as others."""
        seconds = self._settings.seconds * longer
        count = int(4 * OPEN_RATE * seconds)
        ask = self._scene.ask("each", first=self._first, names=count)
        self._first += count
        plan = self._scene.plan(
            self._gateway, ask, seconds, rate=OPEN_RATE, seed=self._seed, sources=SOURCES
        )
        return load(self._scene.topology, plan)


def _fresh(scene: Scene, name: str, urls: Sequence[str]) -> Server:
    return scene.gateway(name, urls, federation={"deadline_s": DEADLINE_S})


def _check_places(scene: Scene, gateway: Server, subject: Bad) -> None:
    """Clients are sent to holders, and not to the bad one. Raises ``WrongAnswer``."""
    for index in range(LOOKED_AT):
        path = lookup_path(index)
        status, headers, _ = fetch(gateway.port, "GET", path, source=SOURCES[0])
        place = headers.get("location", "").removesuffix(path)
        holders = scene.corpus.holders(index)
        allowed = {subject.urls[n] for n in holders if n or not subject.shunned}
        if status != 302 or place not in allowed:
            raise WrongAnswer(f"name {index}, held by {holders}: {status} {place}")


def _list(gateway: Server) -> Listing:
    started = time.perf_counter()
    status, headers, _ = fetch(
        gateway.port, "PROPFIND", list_path(0), headers={"Depth": "1"}, source=SOURCES[0]
    )
    return Listing(time.perf_counter() - started, status, "proxy-status" in headers)


def _check_latencies(rounds: Rounds, name: str) -> list[Check]:
    """Between the medians of the rounds."""
    table = rounds.table()

    def check(row: str, figure: str, text: str) -> Check:
        yardstick = "all_well first" if row.endswith(" first") else "all_well"
        bound_us = table[yardstick][f"{figure}_us"].median * SHARE + EXTRA_US
        value_us = table[row][f"{figure}_us"].median
        return at_most(f"{text} with {name}, ms", value_us / 1e3, bound_us / 1e3)

    return [
        check(f"{name} first", "p50", "p50 of the first clients"),
        check(name, "p50", "p50"),
        check(name, "p99", "p99"),
    ]


def _check_listings(listings: Sequence[Listing]) -> tuple[Check, ...]:
    if not listings:
        return ()
    slowest = max(one.seconds for one in listings)
    right = sum(one.marked and one.status == 207 for one in listings)
    return (
        at_most("a listing answers at its deadline, s", slowest, DEADLINE_S + 1.0),
        Check(
            "every such listing is 207 and marked partial",
            right,
            len(listings),
            right == len(listings),
        ),
    )


def _told(listings: Sequence[Listing]) -> tuple[str, ...]:
    if not listings:
        return ()
    listed = ", ".join(f"{one.status} after {one.seconds:.2f} s" for one in listings)
    return (f"listings with a deadline of {DEADLINE_S:g} s: {listed}",)
