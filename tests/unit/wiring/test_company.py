"""Many gateways and workers, few probes: in virtual time, by the store in memory and by the bus's messages."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ugrpy.endpoints.base import Probe
from ugrpy.health.board import HealthBoard
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.prober import run_prober
from ugrpy.health.states import State
from ugrpy.namespace.model import Cause, EndpointId
from ugrpy.service.channels import Channels
from ugrpy.service.supervisor import SHARED_DIR
from ugrpy.testing.loop import LoopClock, run_virtual
from ugrpy.testing.shared import MemoryStore, StoreServer
from ugrpy.wiring.company import Companions
from ugrpy.wiring.leading import Leading, leading

A = EndpointId("a")
INTERVAL_S = 10.0
POLICY = HealthPolicy(probe_interval_s=INTERVAL_S, eject_after=2, return_after=1)


class Following(Leading):
    """Never the first worker."""

    def __init__(self) -> None:
        super().__init__(None)

    def leads(self) -> bool:
        return False


class Workers(Channels):
    """The bus of one host without sockets: what one mentions the others hear at once."""

    def __init__(self) -> None:
        super().__init__(None)
        self.hear: dict[str, Callable[[bytes], Awaitable[None]]] = {}
        self.said: list[bytes] = []

    def of(self, name: str) -> "One":
        return One(self, name)


class One(Channels):
    def __init__(self, all_of_them: Workers, name: str) -> None:
        super().__init__(None)
        self._all = all_of_them
        self._name = name

    async def mention(self, kind: str, message: bytes) -> None:
        self._all.said.append(message)
        for name, hear in self._all.hear.items():
            if name != self._name:
                await hear(message)


class Gateway:
    """A process that watches one endpoint, as it finds it: ``alive`` may differ between gateways."""

    def __init__(
        self,
        name: str,
        store: MemoryStore | None = None,
        channels: Channels | None = None,
        lead: Leading | None = None,
        draws: float = 0.5,
    ) -> None:
        self.clock = LoopClock()
        self.board = HealthBoard([A], POLICY, draw=lambda: draws)
        self.alive = True
        self.hangs = False
        self.probes = 0
        self.telling: list[asyncio.Future[None]] = []
        self.company = Companions(
            self.board,
            self.clock,
            channels or Channels(None),
            lead or Leading(None),
            stores={} if store is None else {A: store},
            by=name,
            on_transition=self.changed,
        )
        self._draws = draws

    def changed(self, change) -> None:
        if (told := self.company.changed(change)) is not None:
            self.telling.append(asyncio.ensure_future(told))

    async def probe(self, _endpoint: EndpointId) -> Probe:
        self.probes += 1
        if self.hangs:
            await asyncio.sleep(1e6)
        await asyncio.sleep(0.01)
        return Probe(self.alive, 0.01, status=207 if self.alive else None, detail="as it is")

    def heard(self, cause: Cause | None) -> None:
        change = self.board.heard(A, cause, 0.01, self.clock.monotonic())
        if change is not None:
            self.changed(change)

    @property
    def state(self) -> State:
        return self.board[A].state

    def start(self) -> "asyncio.Future[None]":
        return asyncio.ensure_future(
            run_prober(
                self.board,
                self.probe,
                self.clock,
                lambda: self._draws,
                self.changed,
                company=self.company,
            )
        )


def live(story: Callable[..., Awaitable[None]], *gateways: Gateway) -> None:
    async def whole() -> None:
        running = [gateway.start() for gateway in gateways]
        await story()
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    run_virtual(whole())


def on_a_store(*names: str) -> tuple[StoreServer, list[Gateway]]:
    server = StoreServer(LoopClock())
    draws = [0.1 + 0.8 * number / len(names) for number in range(len(names))]
    return server, [
        Gateway(name, server.client(), draws=drawn)
        for name, drawn in zip(names, draws, strict=True)
    ]


def test_one_probe_serves_all_gateways():
    _, gateways = on_a_store("one", "two", "three")

    async def story() -> None:
        await asyncio.sleep(20 * INTERVAL_S)
        probes = sum(gateway.probes for gateway in gateways)
        assert probes <= 25, "as many as one alone makes, each interval up to 15 % shorter"
        ages = [g.clock.monotonic() - (g.board[A].rhythm.last_probe_s or 0) for g in gateways]
        assert max(ages) < 1.5 * INTERVAL_S, "and all of them know"

    live(story, *gateways)


def test_one_ejected_by_traffic_is_out_everywhere_within_the_interval():
    _, (one, two) = on_a_store("one", "two")

    async def story() -> None:
        await asyncio.sleep(3 * INTERVAL_S)
        one.alive = two.alive = False
        one.heard(Cause.UNREACHABLE)
        assert one.state is State.EJECTED
        await asyncio.sleep(1.2 * INTERVAL_S)
        assert two.state is State.EJECTED
        assert two.board[A].last_error in ("unreachable", "probe: as it is")
        one.alive = two.alive = True
        await asyncio.sleep(3 * INTERVAL_S)
        assert (one.state, two.state) == (State.IN_SERVICE, State.IN_SERVICE)

    live(story, one, two)


@pytest.mark.parametrize("trouble", ["away", "slow", "garbage"])
def test_without_a_usable_store_each_probes_for_itself(trouble):
    server, (one, two) = on_a_store("one", "two")
    server.away = trouble == "away"
    server.latency_s = 5.0 if trouble == "slow" else 0.0

    async def story() -> None:
        for _ in range(100):
            if trouble == "garbage":
                server.values["h:a"] = (b'{"v": 1, "state": "asleep"}', 1e9)
            await asyncio.sleep(INTERVAL_S / 10)
        assert min(one.probes, two.probes) >= (5 if trouble == "garbage" else 8)

    live(story, one, two)


def test_a_gateway_that_dies_while_it_probes_is_not_waited_for_long():
    server, (two,) = on_a_store("two")

    async def story() -> None:
        await server.client().add("p:a", b"one", INTERVAL_S)
        await asyncio.sleep(0.9 * INTERVAL_S)
        assert two.probes == 0
        await asyncio.sleep(0.5 * INTERVAL_S)
        assert two.probes == 1

    live(story, two)


def host(*leads: Leading) -> tuple[Workers, list[Gateway]]:
    workers = Workers()
    gateways = [
        Gateway(f"w{number}", channels=workers.of(f"w{number}"), lead=lead)
        for number, lead in enumerate(leads)
    ]
    for number, gateway in enumerate(gateways):
        workers.hear[f"w{number}"] = gateway.company.hear
    return workers, gateways


def test_of_workers_the_leader_probes_and_all_know():
    _, (leader, other) = host(Leading(None), Following())

    async def story() -> None:
        await asyncio.sleep(10 * INTERVAL_S)
        assert (leader.probes >= 9, other.probes) == (True, 0)
        assert other.board[A].probes == leader.probes
        leader.alive = False
        await asyncio.sleep(3 * INTERVAL_S)
        assert (leader.state, other.state) == (State.EJECTED, State.EJECTED)
        leader.alive = True
        await asyncio.sleep(3 * INTERVAL_S)
        assert (leader.state, other.state) == (State.IN_SERVICE, State.IN_SERVICE)

    live(story, leader, other)


def test_what_one_worker_concludes_from_its_traffic_all_act_on():
    workers, (leader, other) = host(Leading(None), Following())

    async def story() -> None:
        await asyncio.sleep(1)
        other.heard(Cause.UNREACHABLE)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert leader.state is State.EJECTED
        assert leader.board[A].last_error == "unreachable"
        said = [one for one in workers.said if b"ejected" in one and b"seen" not in one]
        assert len(said) == 1, "what was heard does not go round again"

    live(story, leader, other)


def test_one_that_doubts_asks_for_a_probe():
    _, (leader, other) = host(Leading(None), Following())

    async def story() -> None:
        await asyncio.sleep(5)
        before = leader.probes
        other.heard(Cause.TIMEOUT)
        await other.company.doubts()
        await other.company.doubts()
        await asyncio.sleep(0.3 * INTERVAL_S)
        assert leader.probes == before + 1
        assert not other.board[A].rhythm.suspect, "it has heard that all is well"

    live(story, leader, other)


def test_when_the_leader_hangs_the_others_probe_for_themselves():
    _, (leader, other) = host(Leading(None), Following())
    leader.hangs = True

    async def story() -> None:
        leader.board[A].policy = HealthPolicy(max_latency_s=1e9, probe_interval_s=INTERVAL_S)
        await asyncio.sleep(6 * INTERVAL_S)
        assert other.probes >= 1

    other.board.probed(A, Probe(alive=True, latency_s=0.01), 0.0)
    live(story, leader, other)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"endpoint": "nobody", "ejected": "x"}',
        b'{"endpoint": "a", "seen": {"v": 1}}',
        b'{"endpoint": "a", "seen": 7}',
        b'{"endpoint": "a", "more": "later"}',
    ],
)
async def test_nonsense_between_workers_is_passed_over(nonsense):
    gateway = Gateway("one")
    await gateway.company.hear(nonsense)
    assert gateway.state is State.IN_SERVICE


def test_only_one_process_leads_and_another_takes_its_place(tmp_path: Path):
    environ = {SHARED_DIR: str(tmp_path)}
    with leading(environ) as first, leading(environ) as second:
        assert first.leads()
        assert first.leads()
        assert not second.leads()
        assert repr(second) == "<Leading False>"
    with leading(environ) as third:
        assert third.leads()
    with leading({}) as alone:
        assert alone.leads()
