"""How fast does a large file go through the gateway? GET of one file from nginx, against nginx passing it on (``proxy_pass``) in the same run.

Both have the first core to themselves; the storage and the client share the others. ``direct`` is the client at the storage, which shows what the machine
alone makes of it.
"""

import hashlib
import http.client
import random
import time
from pathlib import Path

from benchmarks import procfs
from benchmarks.model import Result, Settings, WrongAnswer, at_least, at_most
from benchmarks.rounds import Rounds, Sample
from benchmarks.series import ratios, spread
from benchmarks.topology import Server, Topology, pinned

SIZE_BYTES = 512 * 1024 * 1024
PIECE_BYTES = 1 << 20
LIMIT_S = 60.0
# Of nginx's throughput.
LEAST = 0.5
# How much the gateway may grow while a file of any size goes through.
MOST_GROWTH_MB = 32.0
NAME = "/big.bin"
METRICS = ("mb_per_s", "cpu_ms", "growth_mb")


def run(settings: Settings, size_bytes: int = SIZE_BYTES) -> Result:
    """The gateway, nginx and no one in between, in turn."""
    with Topology() as topology:
        root = topology.directory / "files"
        root.mkdir()
        right = _make(root, settings.seed, size_bytes)
        storage = topology.nginx_files("storage", root, topology.other_cores)
        subjects = {
            "direct": storage,
            "nginx": topology.nginx_proxy(storage),
            "gateway": topology.gateway("gateway", _settings(storage)),
        }
        table: dict[str, list[Sample]] = {name: [] for name in subjects}
        idle_bytes = {name: procfs.rss_bytes(server.pid) for name, server in subjects.items()}
        with pinned(topology.other_cores):
            for server in subjects.values():
                _check(server, right)
            for _ in range(settings.repeat):
                for name, server in subjects.items():
                    table[name].append(_download(server, size_bytes, idle_bytes[name]))
    rounds = Rounds(table)
    speed = {name: rounds.values(name, "mb_per_s") for name in subjects}
    against = spread(ratios(speed["gateway"], speed["nginx"]))
    growth_mb = max(rounds.values("gateway", "growth_mb"))
    return Result(
        {
            name: {metric: spread(rounds.values(name, metric)) for metric in METRICS}
            for name in subjects
        },
        {
            "gateway / nginx": {
                "speed": against,
                "cpu": spread(
                    ratios(rounds.values("nginx", "cpu_ms"), rounds.values("gateway", "cpu_ms"))
                ),
            }
        },
        rounds.statuses(),
        (
            at_least("throughput, gateway / nginx proxy_pass", against.median, LEAST),
            at_most("growth of the gateway, MB", growth_mb, MOST_GROWTH_MB),
        ),
        (f"one file of {size_bytes >> 20} MiB",),
    )


def _settings(storage: Server) -> dict[str, object]:
    endpoint = {"url": f"http://{storage.host}:{storage.port}", "kind": "http"}
    return {"streaming": {"paths": ["/"]}, "endpoints": {"storage": endpoint}}


def _make(root: Path, seed: int, size_bytes: int) -> str:
    """A file that compresses badly; its SHA-256."""
    draw, digest, left = random.Random(seed), hashlib.sha256(), size_bytes
    with (root / NAME[1:]).open("wb") as file:
        while left:
            piece = draw.randbytes(min(left, PIECE_BYTES))
            file.write(piece)
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


def _check(server: Server, right: str) -> None:
    """What comes is the file. Raises ``WrongAnswer``."""
    connection = http.client.HTTPConnection(server.host, server.port, timeout=LIMIT_S)
    try:
        connection.request("GET", NAME)
        answer, digest = connection.getresponse(), hashlib.sha256()
        while piece := answer.read1(PIECE_BYTES):
            digest.update(piece)
    finally:
        connection.close()
    if answer.status != 200 or digest.hexdigest() != right:
        raise WrongAnswer(f"GET {NAME}: {answer.status}, {dict(answer.headers)}, other bytes")


def _download(server: Server, size_bytes: int, idle_bytes: int) -> Sample:
    """One download, into nothing. Growth is the peak since the start, over ``idle_bytes``."""
    cpu_s = procfs.cpu_s(server.pid)
    buffer, read = memoryview(bytearray(PIECE_BYTES)), 0
    started = time.perf_counter()
    connection = http.client.HTTPConnection(server.host, server.port, timeout=LIMIT_S)
    try:
        connection.request("GET", NAME)
        answer = connection.getresponse()
        while got := answer.readinto(buffer):
            read += got
    finally:
        connection.close()
    took_s = time.perf_counter() - started
    if read != size_bytes:
        raise WrongAnswer(f"GET {NAME}: {read} bytes of {size_bytes}")
    figures = {
        "mb_per_s": size_bytes / took_s / 1e6,
        "cpu_ms": (procfs.cpu_s(server.pid) - cpu_s) * 1e3,
        "growth_mb": (procfs.peak_rss_bytes(server.pid) - idle_bytes) / 1e6,
    }
    return Sample(figures, {str(answer.status): 1})
