"""Do heartbeats hold up callers? ``/nearest`` at a fixed rate while a broker brings 1,000 heartbeats a second, and while it brings none.

``quiet`` has no heartbeats, ``beats`` has them through RabbitMQ. ``elsewhere`` publishes as many to an exchange that the server does not listen
to: what agents and broker take of the machine by themselves.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from benchmarks import procfs, shoal
from benchmarks.broker import rabbitmq
from benchmarks.load import Plan
from benchmarks.micro import beat_intake
from benchmarks.model import Result, Settings, WrongAnswer, at_least, at_most
from benchmarks.publishing import Order, moved
from benchmarks.rounds import Round, Rounds, Sample, calmest, disturbance, load
from benchmarks.series import Spread, ratios, spread
from benchmarks.topology import Server, Topology, fetch, python
from benchmarks.workload import Ask

TRACKED = 1_000
BEATS_PER_S = 1_000.0
ASKED_PER_S = 300.0
# The windows are longer than elsewhere: with 1,500 answers, fifteen are above the p99.
LONGER = 5.0
# Most of p99 with heartbeats over p99 without; most CPU for decoding, judging and noting one.
WORST_P99, WORST_BEAT_US = 2.0, 100.0
_SERIES = 'shoalpy_heartbeats_total{transport="amqp"} '
_CATCH_UP_S = 30.0


class Agents:
    """The publishing process; ``sent`` and ``late_s`` as it told them last."""

    def __init__(self, topology: Topology, name: str, order: Order) -> None:
        # like the broker they give way to the generator at once
        command = ("chrt", "--idle", "0", *python("-m", "benchmarks.publishing"))
        self._process: subprocess.Popen[str] = topology.start(name, command, topology.other_cores)
        self._say(order.as_json())
        topology.first_line(name, self._process)
        self.sent = 0
        self.late_s = 0.0

    def once(self) -> None:
        """One heartbeat of each cache."""
        self._say("once")
        self._hear()

    @contextmanager
    def sending(self) -> Iterator[None]:
        """At the rate of the order, meanwhile."""
        self._say("start")
        try:
            yield
        finally:
            self._say("stop")
            self._hear()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        self.sent, self.late_s = said["sent"], said["late_s"]


def run(settings: Settings) -> Result:
    """The three in turn, then heartbeats alone; every one of them must have been counted, and the answers right in the end."""
    with Topology() as topology:
        port = rabbitmq(topology)
        caches = shoal.tracked(TRACKED, settings.seed)
        amqp = f'[amqp]\nhost = "127.0.0.1"\nport = {port}\n'
        server = topology.shoal("shoal", amqp + shoal.tables(caches))
        _until(lambda: fetch(server.port, "GET", "/healthz")[0] == 200, "the broker is connected")
        agents, strangers = (
            Agents(topology, name, Order(port, name, TRACKED, settings.seed, BEATS_PER_S))
            for name in ("shoal", "elsewhere")
        )
        agents.once()
        _until(lambda: applied(server) == agents.sent, "all caches are tracked")
        shoal.check(server, caches)

        seconds = settings.seconds * LONGER

        def measure(number: int) -> Round:
            return {
                "quiet": _sample(topology, server, seconds, number, nullcontext),
                "beats": _sample(topology, server, seconds, number, agents.sending),
                "elsewhere": _sample(topology, server, seconds, number, strangers.sending),
            }

        rounds = calmest(measure, settings.repeat, disturbance)
        whole_us = _alone_us(server, agents, seconds)
        _until(lambda: applied(server) >= agents.sent, "all heartbeats are counted")
        _until(lambda: _is_right(server, caches, agents.sent), "the last loads count")
        beaten, cost_us = _p99(rounds, "quiet"), _cost_us(settings)
        return Result(
            {**rounds.table(), "taking one heartbeat": {"cpu_us": cost_us}},
            {
                "beats / quiet": {"p99": beaten},
                "beats / elsewhere": {"p99": _p99(rounds, "elsewhere")},
            },
            rounds.statuses(),
            (
                at_most("p99 with heartbeats / without", beaten.median, WORST_P99),
                at_least("heartbeats counted / sent", applied(server) / agents.sent, 1.0),
                at_most("us CPU to decode, judge and note one", cost_us.median, WORST_BEAT_US),
            ),
            (
                f"seed {settings.seed}, {TRACKED} caches, {ASKED_PER_S:g} questions/s, {BEATS_PER_S:g} heartbeats/s",
                f"{agents.sent} heartbeats sent, the latest {agents.late_s * 1e3:.0f} ms late",
                f"{whole_us:.0f} us CPU of the server a heartbeat with all that AMQP costs",
                *rounds.disturbed(),
            ),
        )


def applied(server: Server) -> int:
    """How many heartbeats from the broker counted, by the server's own metrics."""
    _, _, body = fetch(server.port, "GET", "/metrics")
    for line in body.decode().splitlines():
        if line.startswith(_SERIES):
            return int(float(line.removeprefix(_SERIES)))
    return 0


def _sample(
    topology: Topology,
    server: Server,
    seconds: float,
    number: int,
    meanwhile: Callable[[], AbstractContextManager[None]],
) -> Sample:
    ask = Ask("path", {}, path="/nearest", found=200)
    plan = Plan(
        server.host,
        server.port,
        server.pid,
        ask,
        connections=16,
        seconds=seconds,
        rate=ASKED_PER_S,
        seed=number + 1,
        spins=True,
    )
    with meanwhile():
        # the generators of earlier windows have ended, and what they used went with them
        began_s, before_s = time.perf_counter(), topology.cpu_s(besides=server)
        sample = load(topology, plan)
        ours = (topology.cpu_s(besides=server) - before_s) / (time.perf_counter() - began_s)
    # agents and broker are no neighbours
    neighbours = max(0.0, sample.figures["other_busy"] - ours)
    return Sample({**sample.figures, "other_busy": neighbours}, sample.statuses)


def _p99(rounds: Rounds, yardstick: str) -> Spread:
    """How many times as long the slowest answers take while heartbeats come."""
    return spread(ratios(rounds.values("beats", "p99_us"), rounds.values(yardstick, "p99_us")))


def _alone_us(server: Server, agents: Agents, seconds: float) -> float:
    """CPU time of the server for a heartbeat while nobody asks."""
    _until(lambda: applied(server) == agents.sent, "all heartbeats are counted")
    sent, before_s = agents.sent, procfs.cpu_s(server.pid)
    with agents.sending():
        time.sleep(seconds)
    return (procfs.cpu_s(server.pid) - before_s) / (agents.sent - sent) * 1e6


def _cost_us(settings: Settings) -> Spread:
    """What ``beat_intake`` measures, as CPU time."""
    work = beat_intake.prepare(settings.seed, 2_000)
    found_us: list[float] = []
    for _ in range(max(5, settings.repeat)):
        before_s = time.process_time()
        work.check(work.run())
        found_us.append((time.process_time() - before_s) / work.operations * 1e6)
    return spread(found_us)


def _is_right(server: Server, caches: list[shoal.Tracked], sent: int) -> bool:
    """Whether callers are told by the loads that the last heartbeats brought; rankings may be some seconds old."""
    try:
        shoal.check(server, moved(caches, sent))
    except WrongAnswer:
        return False
    return True


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _CATCH_UP_S
    while not holds():
        if time.monotonic() > deadline:
            raise WrongAnswer(f"not within {_CATCH_UP_S:g} s: {what}")
        time.sleep(0.1)
