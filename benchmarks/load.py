"""The load generator, a process of its own: ``python -m benchmarks.load`` with a plan as JSON on standard input.

Why our own: one generator must drive every subject (gateway, nginx, bare aiohttp) from chosen source addresses, check
every status, and offer both loads that matter:

- *closed* loop: each connection asks again as soon as it was answered. Shows capacity and CPU per request.
- *open* loop: arrival times are fixed in advance, so a stalled server cannot slow its own load, and a latency counts from
  the planned arrival, not from when a connection became free.

It is one epoll loop over plain sockets with requests rendered beforehand: about 8 microseconds a request, as much as nginx
needs to answer it, and within 15 % of what wrk reaches against the same nginx. An event loop in between would
make the generator the bottleneck of the yardstick.
"""

import json
import os
import random
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from benchmarks import procfs
from benchmarks.answers import Broken, Partial, whole_status
from benchmarks.workload import Ask, Workload, build, poisson_arrivals

# As large as a loopback segment can get. Above 128 kB, malloc would map and unmap memory for every read, which made the
# generator three times slower.
READ_BYTES = 1 << 16
# How long an open loop waits for stragglers after the last arrival before it counts them as unanswered.
DRAIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One measurement. ``rate`` 0 is the closed loop; ``sources`` are the addresses connections come from, in turn.

    ``spins``: in the open loop the generator does not sleep while an answer is awaited. It is for a generator that shares its core: others
    would have the core when the answer comes, and what it takes to get it back would count as the server's.
    """

    host: str
    port: int
    server_pid: int
    ask: Ask
    sources: Sequence[str] = ("127.0.11.1", "127.0.12.1", "127.0.13.1")
    connections: int = 64
    seconds: float = 2.0
    rate: float = 0.0
    seed: int = 1
    core: int | None = None
    spins: bool = False

    def as_json(self) -> str:
        """For standard input of the generator."""
        return json.dumps(asdict(self))


def plan_from_json(text: str) -> Plan:
    """The reverse of ``Plan.as_json``."""
    raw = json.loads(text)
    raw["ask"] = Ask(**raw["ask"])
    return Plan(**raw)


@dataclass(slots=True)
class Tally:
    """What was seen. Latencies in seconds; ``wrong`` counts answers with another status than the workload expects."""

    latencies_s: list[float] = field(default_factory=list)
    statuses: dict[bytes, int] = field(default_factory=dict)
    wrong: int = 0
    first_wrong: str = ""
    unanswered: int = 0
    seconds: float = 0.0

    def note_wrong(self, request: bytes, status: bytes, expected: bytes) -> None:
        """Count an answer nobody should get and remember the first."""
        self.wrong += 1
        if not self.first_wrong:
            line = request.partition(b"\r\n")[0].decode()
            self.first_wrong = f"{line}: {status.decode()} instead of {expected.decode()}"


class Connections:
    """Keep-alive connections from given source addresses, by file descriptor."""

    def __init__(self, plan: Plan) -> None:
        self.epoll = select.epoll()
        self._partial: dict[int, Partial] = {}
        self._sockets: dict[int, socket.socket] = {}
        for number in range(plan.connections):
            self._open(plan.sources[number % len(plan.sources)], (plan.host, plan.port))

    def _open(self, source: str, target: tuple[str, int]) -> None:
        connection = socket.create_connection(target, timeout=10, source_address=(source, 0))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        self._sockets[connection.fileno()] = connection
        self.epoll.register(connection, select.EPOLLIN)

    @property
    def descriptors(self) -> list[int]:
        """All connections."""
        return list(self._sockets)

    def read(self, fd: int) -> bytes | None:
        """Read what is there; the status once the answer is whole. Raises ``Broken`` when the server hangs up."""
        data = os.read(fd, READ_BYTES)
        if fd not in self._partial:
            status = whole_status(data)
            if status is not None:
                return status
            if not data:
                raise Broken("the server closed a connection")
            self._partial[fd] = Partial()
        partial = self._partial[fd]
        if not data:
            raise Broken("the server closed a connection in the middle of an answer")
        if not partial.feed(data):
            return None
        del self._partial[fd]
        return partial.status

    def close(self) -> None:
        """Hang up all."""
        for connection in self._sockets.values():
            connection.close()
        self.epoll.close()


def run_closed(connections: Connections, load: Workload, seconds: float) -> Tally:
    """Every connection asks again at once; ends after ``seconds``, or when a workload that must not wrap is used up."""
    requests, expected, total = load.requests, load.expected, len(load.requests)
    tally = Tally()
    latencies, statuses = tally.latencies_s, tally.statuses
    clock, write, poll, read = time.perf_counter, os.write, connections.epoll.poll, connections.read
    asked: dict[int, int] = {}
    sent_at: dict[int, float] = {}
    position = -1
    started = now = clock()
    for fd in connections.descriptors[: total if not load.wraps else None]:
        position = (position + 1) % total
        asked[fd], sent_at[fd] = position, clock()
        write(fd, requests[position])
    end = started + seconds
    while now < end and asked:
        for fd, _ in poll(1.0):
            status = read(fd)
            if status is None:
                continue
            now = clock()
            latencies.append(now - sent_at[fd])
            statuses[status] = statuses.get(status, 0) + 1
            if status != expected[asked[fd]]:
                tally.note_wrong(requests[asked[fd]], status, expected[asked[fd]])
            position += 1
            if position == total:
                if not load.wraps:
                    position -= 1
                    del asked[fd]
                    continue
                position = 0
            asked[fd], sent_at[fd] = position, now
            write(fd, requests[position])
        now = clock()
    tally.seconds = now - started
    return tally


def run_open(
    connections: Connections, load: Workload, arrivals: Sequence[float], *, spins: bool = False
) -> Tally:
    """Send at the given times (seconds from the start); a request without a free connection waits, and that wait counts."""
    tally = Tally()
    free = deque(connections.descriptors)
    waiting: deque[int] = deque()
    asked: dict[int, int] = {}
    started = time.perf_counter()
    upcoming = 0
    last = arrivals[-1] if arrivals else 0.0
    while upcoming < len(arrivals) or waiting or asked:
        now = time.perf_counter() - started
        if now > last + DRAIN_S:
            break
        while upcoming < len(arrivals) and arrivals[upcoming] <= now:
            waiting.append(upcoming)
            upcoming += 1
        while waiting and free:
            fd = free.popleft()
            asked[fd] = waiting.popleft()
            os.write(fd, load.requests[asked[fd] % len(load.requests)])
        pause = arrivals[upcoming] - now if upcoming < len(arrivals) else 0.5
        if spins and asked:
            pause = 0.0
        # epoll counts in whole milliseconds, rounded up: the last one before an arrival is polled through
        for fd in _answered(
            connections, pause - 0.002 if pause > 0.002 else 0.0, asked, load, tally
        ):
            tally.latencies_s.append(time.perf_counter() - started - arrivals[asked.pop(fd)])
            free.append(fd)
    tally.unanswered = len(asked) + len(waiting)
    tally.seconds = time.perf_counter() - started
    return tally


def _answered(
    connections: Connections, pause_s: float, asked: Mapping[int, int], load: Workload, tally: Tally
) -> list[int]:
    """Wait up to ``pause_s``; the connections whose answers are now whole, statuses counted and checked."""
    whole: list[int] = []
    for fd, _ in connections.epoll.poll(pause_s):
        status = connections.read(fd)
        if status is None:
            continue
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        position = asked[fd] % len(load.requests)
        if status != load.expected[position]:
            tally.note_wrong(load.requests[position], status, load.expected[position])
        whole.append(fd)
    return whole


def measure(plan: Plan) -> dict[str, object]:
    """Run the plan; the figures as plain data (microseconds, shares of one core)."""
    load = build(plan.ask, f"{plan.host}:{plan.port}")
    connections = Connections(plan)
    server_before, own_before = procfs.cpu_s(plan.server_pid), time.process_time()
    machine_before = procfs.machine_busy_s()
    if plan.rate:
        arrivals = poisson_arrivals(plan.rate, plan.seconds, random.Random(plan.seed))
        if not load.wraps and len(arrivals) > len(load.requests):
            raise SystemExit(f"{len(arrivals)} arrivals but only {len(load.requests)} names")
        tally = run_open(connections, load, arrivals, spins=plan.spins)
    else:
        tally = run_closed(connections, load, plan.seconds)
    server_s = procfs.cpu_s(plan.server_pid) - server_before
    own_s = time.process_time() - own_before
    machine_s = procfs.machine_busy_s() - machine_before
    connections.close()
    return figures(tally, server_s, own_s, max(0.0, machine_s - server_s - own_s))


def figures(tally: Tally, server_s: float, own_s: float, other_s: float) -> dict[str, object]:
    """The tally and the CPU seconds of server, generator and everybody else, as what is reported."""
    latencies = sorted(tally.latencies_s)
    count = len(latencies)
    if not count:
        raise SystemExit("not one request was answered")
    return {
        "requests": count,
        "seconds": tally.seconds,
        "rate": count / tally.seconds,
        "cpu_us": server_s / count * 1e6,
        "busy": server_s / tally.seconds,
        "load_busy": own_s / tally.seconds,
        "other_busy": other_s / tally.seconds,
        "p50_us": latencies[count // 2] * 1e6,
        "p99_us": latencies[min(count - 1, count * 99 // 100)] * 1e6,
        "max_us": latencies[-1] * 1e6,
        "statuses": {status.decode(): n for status, n in sorted(tally.statuses.items())},
        "wrong": tally.wrong,
        "first_wrong": tally.first_wrong,
        "unanswered": tally.unanswered,
    }


def main() -> None:
    """Read a plan, run it, print the figures."""
    plan = plan_from_json(sys.stdin.read())
    if plan.core is not None:
        os.sched_setaffinity(0, {plan.core})
    try:
        json.dump(measure(plan), sys.stdout)
    except (Broken, OSError) as error:
        raise SystemExit(f"load generator: {error}") from error


if __name__ == "__main__":
    main()
