"""Three scripted storages that hold the same file, and a federation of them."""

import hashlib
from dataclasses import dataclass

from ugrpy.federation import Federation, Member, Policies, Surroundings
from ugrpy.health.board import HealthBoard
from ugrpy.health.policy import HealthPolicy
from ugrpy.locality import Candidate, Place, Ranker, RankPolicy
from ugrpy.namespace.fanout import FanoutPolicy
from ugrpy.namespace.model import Digest, EndpointId, Entry, Kind
from ugrpy.testing import FakeClock, ScriptedEndpoint

A, B, C = (EndpointId(name) for name in "abc")
MTIME_S = 1_000
PATH = "/d/f"
CONTENT = b"12345"
GOOD = Digest("md5", hashlib.md5(CONTENT, usedforsecurity=False).hexdigest())


@dataclass
class World:
    """The storages by name; all hold ``PATH``."""

    storages: dict[EndpointId, ScriptedEndpoint]
    federation: Federation
    clock: FakeClock
    entry: Entry


def hold(
    storage: ScriptedEndpoint,
    content: bytes = CONTENT,
    *,
    size_bytes: int = len(CONTENT),
    mtime_s: int = MTIME_S,
) -> Entry:
    """Put the file there."""
    entry = Entry("f", Kind.FILE, size_bytes, mtime_s)
    storage.script.put(PATH, entry, content)
    return entry


def a_federation(*, silent: tuple[EndpointId, ...] = ()) -> World:
    """To be made in the loop that uses it. The ``silent`` are switched off for checksums."""
    storages = {name: ScriptedEndpoint(name) for name in (A, B, C)}
    clock = FakeClock()
    for storage in storages.values():
        entry = hold(storage)
        storage.told_digests = ()
    members = [
        Member(storage, tells_checksums=name not in silent) for name, storage in storages.items()
    ]
    federation = Federation(
        members,
        HealthBoard(list(storages), HealthPolicy(), draw=lambda: 0.5),
        Ranker(
            [Candidate(name, Place()) for name in storages], (), RankPolicy(), lambda _one: Place()
        ),
        Policies(fanout=FanoutPolicy(deadline_s=0.5, hedge_s=0.05)),
        Surroundings(lambda: 0.5, clock),
    )
    return World(storages, federation, clock, entry)
