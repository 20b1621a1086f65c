"""One of eight elements is bad, and it is the one nearest to the clients: what do its clients pay?

Two fresh gateways a round, over the same elements: with all well, and with the nearest one bad. Fresh, because a gateway learns
about a bad element, and the first clients are the ones who pay for the lesson. New names, arriving at a fixed rate.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.corpus import Corpus, list_path
from benchmarks.model import Check, Result, Settings, at_most
from benchmarks.rounds import Rounds, Sample, load
from benchmarks.scene import FIRST_COLD, Scene, described
from benchmarks.topology import Server, fetch

MEMBERS = 8
DELAY_MS = 5.0
OPEN_RATE = 60.0
# the zone whose nearest element is member 0
SOURCES = ("127.0.11.1",)
# Allowed on top of the median without the bad element.
SHARE, EXTRA_US = 1.10, 5000.0
DEADLINE_S = 3.0
# The first clients pay for the lesson; a window this many times as long as others holds enough who came later.
LONGER = 3
# Every round starts three gateways and waits for a deadline.
MOST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing cost and whether it said that something is missing (``Proxy-Status``, RFC 9209)."""

    seconds: float
    status: int
    marked: bool


def corpus_of_8(seed: int) -> Corpus:
    """At least two holders for every name, so that each has one that is well."""
    return Corpus(seed, MEMBERS, replicas_min=2, replicas_max=3, miss_percent=0, list_entries=1000)


def compare(scene: Scene, settings: Settings, bad_urls: Sequence[str]) -> Result:
    """All well and one bad in turn; ``bad_urls`` are the elements with the bad one in the first place."""
    well: list[Sample] = []
    bad: list[Sample] = []
    listings: list[Listing] = []
    settings = replace(
        settings, repeat=min(settings.repeat, MOST_ROUNDS), seconds=settings.seconds * LONGER
    )
    for number in range(settings.repeat):
        gateway = _fresh(scene, f"well{number}", scene.urls[:MEMBERS])
        well.append(_cold(scene, gateway, settings, number))
        scene.topology.stop(gateway)
        gateway = _fresh(scene, f"bad{number}", bad_urls)
        bad.append(_cold(scene, gateway, settings, number))
        scene.topology.stop(gateway)
        gateway = _fresh(scene, f"list{number}", bad_urls)
        listings.append(_list(gateway))
        scene.topology.stop(gateway)
    rounds = Rounds({"all_well": well, "one_bad": bad})
    listed = ", ".join(f"{one.status} after {one.seconds:.2f} s" for one in listings)
    return Result(
        rounds.table(),
        {},
        rounds.statuses(),
        (_check_medians(rounds), *_check_listings(listings)),
        (described(scene.corpus), f"listings with a deadline of {DEADLINE_S:g} s: {listed}"),
    )


def _fresh(scene: Scene, name: str, urls: Sequence[str]) -> Server:
    return scene.gateway(name, urls, federation={"deadline_s": DEADLINE_S})


def _cold(scene: Scene, gateway: Server, settings: Settings, number: int) -> Sample:
    count = int(4 * OPEN_RATE * settings.seconds)
    ask = scene.ask("each", first=FIRST_COLD + number * count, names=count)
    plan = scene.plan(
        gateway,
        ask,
        settings.seconds,
        rate=OPEN_RATE,
        seed=settings.seed + number,
        sources=SOURCES,
    )
    return load(scene.topology, plan)


def _list(gateway: Server) -> Listing:
    started = time.perf_counter()
    status, headers, _ = fetch(
        gateway.port, "PROPFIND", list_path(0), headers={"Depth": "1"}, source=SOURCES[0]
    )
    return Listing(time.perf_counter() - started, status, "proxy-status" in headers)


def _check_medians(rounds: Rounds) -> Check:
    """Between the medians of the rounds."""
    table = rounds.table()
    bound_us = table["all_well"]["p50_us"].median * SHARE + EXTRA_US
    value_us = table["one_bad"]["p50_us"].median
    return at_most("cold redirect median with one bad element, ms", value_us / 1e3, bound_us / 1e3)


def _check_listings(listings: Sequence[Listing]) -> tuple[Check, Check]:
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
