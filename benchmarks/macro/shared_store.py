"""How long does a look into the shared store take, on this machine's loopback: one after the other, and sixteen at a time? A name with its generation, from redis-server and memcached."""

import asyncio
import os
import shutil
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from benchmarks.model import Result, Settings, WrongAnswer
from benchmarks.series import Spread, spread
from benchmarks.topology import CannotRun, Topology, free_port
from ugrpy.shared.base import SharedStore
from ugrpy.shared.memcached import MemcachedStore
from ugrpy.shared.valkey import ValkeyStore

KEYS = ["e", "g1a2b", "n" + 40 * "0"]
VALUES = {"e": b"5" * 18, "g1a2b": b"7" * 18, KEYS[2]: b"x" * 220}
AT_ONCE = 16
_START_S = 10.0


def run(settings: Settings) -> Result:
    """Both stores in turn."""
    with Topology() as topology:
        stores: dict[str, Callable[[], SharedStore]] = {
            "redis": _redis(topology),
            "memcached": _memcached(topology),
        }
        table: dict[str, dict[str, Spread]] = {}
        for name, connect in stores.items():
            rounds = asyncio.run(_rounds(connect(), settings))
            table[f"{name}, alone"] = {"p50_us": spread([alone for alone, _ in rounds])}
            table[f"{name}, {AT_ONCE} at a time"] = {"rate": spread([rate for _, rate in rounds])}
        return Result(table, notes=("three keys, 256 bytes in all; the client's work included",))


async def _rounds(store: SharedStore, settings: Settings) -> list[tuple[float, float]]:
    """The median of single looks in microseconds, and looks a second, by round."""
    for key, value in VALUES.items():
        await store.put(key, value, 3600.0)
    if await store.get(KEYS) != VALUES:
        raise WrongAnswer("the store does not tell what it was given")
    rounds = [
        (await _alone(store, settings.seconds / 2), await _together(store, settings.seconds / 2))
        for _ in range(settings.repeat)
    ]
    await store.close()
    return rounds


async def _alone(store: SharedStore, seconds: float) -> float:
    took: list[float] = []
    until_s = time.perf_counter() + seconds
    while (began_s := time.perf_counter()) < until_s:
        await store.get(KEYS)
        took.append(time.perf_counter() - began_s)
    return 1e6 * sorted(took)[len(took) // 2]


async def _together(store: SharedStore, seconds: float) -> float:
    began_s, looks = time.perf_counter(), 0
    while time.perf_counter() < began_s + seconds:
        some: list[Awaitable[object]] = [store.get(KEYS) for _ in range(AT_ONCE)]
        await asyncio.gather(*some)
        looks += AT_ONCE
    return looks / (time.perf_counter() - began_s)


def _redis(topology: Topology) -> Callable[[], SharedStore]:
    port = free_port()
    command = (_found("redis-server"), "--bind", "127.0.0.1", "--port", str(port), "--save", "")
    topology.start("redis", (*command, "--dir", str(topology.directory)), topology.other_cores)
    _wait_for(port)
    return lambda: ValkeyStore(f"redis://127.0.0.1:{port}/0", "bench", 5.0)


def _memcached(topology: Topology) -> Callable[[], SharedStore]:
    port = free_port()
    user = ("-u", "root") if os.geteuid() == 0 else ()
    command = (_found("memcached"), "-l", "127.0.0.1", "-p", str(port), "-t", "1", *user)
    topology.start("memcached", command, topology.other_cores)
    _wait_for(port)
    return lambda: MemcachedStore("127.0.0.1", port, "bench", 5.0)


def _found(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin")
    if path is None:
        raise CannotRun(f"{name} is not installed (Debian: apt install redis-server memcached)")
    return path


def _wait_for(port: int) -> None:
    until_s = time.monotonic() + _START_S
    while time.monotonic() < until_s:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise CannotRun("a store did not start")
