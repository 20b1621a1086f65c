"""How many bytes does a worker need for each name that it remembers, two replicas each, at one million names?

The growth of this process while its memory takes up answers as the federation keeps them, paths of some 80 characters with size, date and checksum. What is
looked up afterwards, all over the memory, must come back as it was. ``get_us`` is such a lookup, mostly of a name that is held packed.
"""

import gc
import os
import random
import time

from benchmarks import procfs
from benchmarks.corpus import mix
from benchmarks.model import Result, Settings, WrongAnswer, at_most
from benchmarks.series import spread
from ugrpy.cache.entries import CachePolicy
from ugrpy.federation.known import KnownName
from ugrpy.federation.memory import Memory
from ugrpy.namespace.merge import Sighting, summarise
from ugrpy.namespace.model import Digest, EndpointId, Entry, Found, Kind
from ugrpy.namespace.paths import name_of

NAMES = 1_000_000
MOST_BYTES = 400
LOOKUPS = 20_000
ENDPOINTS = tuple(EndpointId(name) for name in ("uvic-dcache", "triumf-disk", "cern-eos", "desy-1"))


def run(settings: Settings, names: int = NAMES) -> Result:
    """Fill one memory and look around in it."""
    memory = Memory(CachePolicy(max_items=names, max_bytes=1 << 40, ttl_s=1e6))
    draw = random.Random(settings.seed)
    gc.collect()
    before_bytes, started_s = procfs.rss_bytes(os.getpid()), time.perf_counter()
    for number in range(names):
        memory.keep_name(known_name(number), float(number % 1000))
    put_us = (time.perf_counter() - started_s) / names * 1e6
    gc.collect()
    per_name = (procfs.rss_bytes(os.getpid()) - before_bytes) / names
    looked_up = [draw.randrange(names) for _ in range(min(LOOKUPS, names))]
    started_s = time.perf_counter()
    found = [memory.names.get(path_of(number), 1000.0) for number in looked_up]
    get_us = (time.perf_counter() - started_s) / len(found) * 1e6
    for number, known in zip(looked_up, found, strict=True):
        if known != known_name(number):
            raise WrongAnswer(f"{path_of(number)} came back as {known}")
    return Result(
        {
            "memory": {
                "bytes_per_name": spread([per_name]),
                "estimate_per_name": spread([memory.names.tiers.bytes_held / names]),
                "put_us": spread([put_us]),
                "get_us": spread([get_us]),
            }
        },
        checks=(at_most("bytes for each name of two replicas", per_name, MOST_BYTES),),
        notes=(
            f"{names} names of {len(path_of(0))} characters; {put_us:.1f} us to keep one,"
            f" {get_us:.1f} us to look one up",
        ),
    )


def path_of(number: int) -> str:
    """A path as Rucio makes them."""
    drawn = mix(number)
    folder = f"/atlas/rucio/mc23_13p6TeV/{drawn % 256:02x}/{drawn // 256 % 256:02x}"
    return f"{folder}/DAOD_PHYS.{number:08d}._{drawn % 1_000_000:06d}.pool.root.1"


def known_name(number: int) -> KnownName:
    """An answer about it."""
    drawn, path = mix(number), path_of(number)
    digest = Digest("adler32", f"{drawn & 0xFFFFFFFF:08x}")
    entry = Entry(
        name_of(path), Kind.FILE, drawn % 10_000_000_000, 1_600_000_000 + (drawn >> 40), (digest,)
    )
    at_s = float(number % 1000)
    first = drawn % len(ENDPOINTS)
    holders = (ENDPOINTS[first], ENDPOINTS[(first + 1) % len(ENDPOINTS)])
    knowledge = {
        # each says so himself, in an entry of his own
        name: Sighting(Found(Entry(entry.name, entry.kind, entry.size_bytes, entry.mtime_s, (digest,))), at_s)
        for name in holders
    }  # fmt: skip
    return KnownName(path, summarise(knowledge), knowledge, frozenset(), {}, at_s)
