"""Which of the configured endpoints are in service, and why are the others not?

A dictionary of breakers. Changes are returned as values; whoever asked writes the log.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from ugrpy.health.breaker import Breaker
from ugrpy.health.choosing import TransferTimes, best_class
from ugrpy.health.counts import Draw, middle
from ugrpy.health.notices import Notice
from ugrpy.health.pace import USUAL_CAP_S
from ugrpy.health.policy import HealthPolicy
from ugrpy.health.showing import snapshot_of
from ugrpy.health.states import HealthSnapshot, ProbeReport, Transition
from ugrpy.namespace.model import Cause, EndpointId

_USUAL_TIMES = TransferTimes()
_NONE: Mapping[EndpointId, HealthPolicy] = MappingProxyType({})


class HealthBoard:
    """The health of all endpoints. Every method that names an unknown endpoint raises ``KeyError``.

    ``policy`` holds for all who have none of their own in ``policies``. ``times`` say how long transfers last. ``unprobed`` are those that must not be probed (``probe = false``): ``admit`` brings them back by trials.
    """

    def __init__(
        self,
        ids: Iterable[EndpointId],
        policy: HealthPolicy,
        *,
        policies: Mapping[EndpointId, HealthPolicy] = _NONE,
        unprobed: Collection[EndpointId] = (),
        times: TransferTimes = _USUAL_TIMES,
        draw: Draw = middle,
    ) -> None:
        self.absent: frozenset[EndpointId] = frozenset()
        """Those out of service now; kept up to date, so that it costs nothing to look."""
        self.withheld: frozenset[EndpointId] = frozenset()
        """Those to which not every client is sent: those and the reserved ones. Kept up to date likewise."""
        self.reserved: frozenset[EndpointId] = frozenset()
        """Those in service that are drained, near a downtime, or want to be left alone. Kept up to date likewise."""
        self._times = times
        self._most_ejected = 0
        self._breakers = {
            endpoint: Breaker(
                endpoint,
                policies.get(endpoint, policy),
                probed_actively=endpoint not in unprobed,
                draw=draw,
                on_move=self._look_around,
                may_eject=self._may_eject,
            )
            for endpoint in ids
        }
        self._most_ejected = max(1, len(self._breakers) * policy.max_ejected_percent // 100)
        self._untold: list[Transition] = []

    def __getitem__(self, endpoint: EndpointId) -> Breaker:
        return self._breakers[endpoint]

    def __contains__(self, endpoint: object) -> bool:
        return endpoint in self._breakers

    def __iter__(self) -> Iterator[EndpointId]:
        return iter(self._breakers)

    def __len__(self) -> int:
        return len(self._breakers)

    def shortest_interval_s(self, default_s: float) -> float:
        """The probe interval of the one that is probed most often; ``default_s`` when there are no endpoints."""
        intervals = (breaker.policy.probe_interval_s for breaker in self._breakers.values())
        return min(intervals, default=default_s)

    def in_service(self, endpoint: EndpointId) -> bool:
        """Whether the endpoint is asked and waited for."""
        return self._breakers[endpoint].in_service

    def admit(self, endpoint: EndpointId, now: float) -> bool:
        """Whether this request may ask the endpoint: it is in service, or this request is its one trial.

        After ``True`` the caller asks and reports by ``heard``. The transition of a trial comes with the next
        ``tick``, since this answer is wanted on the hot path.
        """
        breaker = self._breakers[endpoint]
        if breaker.in_service:
            return True
        if (begun := breaker.begin_trial(now)) is None:
            return False
        self._untold.append(begun)
        return True

    def out_of_service(self, ids: Iterable[EndpointId], now: float) -> dict[EndpointId, str]:
        """Those of ``ids`` that are out of service, each with the reason in words."""
        return {
            endpoint: self._breakers[endpoint].out_reason(now)
            for endpoint in ids
            if not self._breakers[endpoint].in_service
        }

    def retry_after_s(self, ids: Iterable[EndpointId], now: float) -> float | None:
        """The soonest time worth a new attempt among those of ``ids`` that are out; ``None`` when none is."""
        waits = [b.retry_after_s(now) for e in ids if not (b := self._breakers[e]).in_service]
        return min(waits, default=None)

    def patience_s(self, endpoint: EndpointId, cap_s: float) -> float:
        """How long a client waits for the endpoint once another answer is there."""
        return self._breakers[endpoint].patience_s(cap_s)

    def heard(
        self,
        endpoint: EndpointId,
        cause: Cause | None,
        latency_s: float | None,
        now: float,
        detail: str = "",
        *,
        wish_s: float | None = None,
    ) -> Transition | None:
        """An operation ended: see ``Breaker.heard``."""
        return self._breakers[endpoint].heard(cause, latency_s, now, detail, wish_s=wish_s)

    def fittest(
        self, names: Sequence[EndpointId], size_bytes: int | None, now: float
    ) -> tuple[EndpointId, ...]:
        """Those in service that suit a transfer of this size best, in the order they came: see ``choosing``."""
        serving = [name for name in names if name not in self.absent]
        if self.withheld.isdisjoint(serving):
            return tuple(serving)
        needed_s = self._times.needed_s(size_bytes)
        suits = [self._breakers[name].holding.suitability(needed_s, now) for name in serving]
        return best_class(serving, suits)

    def takes_new(self, endpoint: EndpointId) -> bool:
        """Whether something new may be put there: in service and not drained."""
        breaker = self._breakers[endpoint]
        return breaker.in_service and breaker.holding.stands.drained is None

    def why_unfit(self, endpoint: EndpointId, size_bytes: int | None, now: float) -> str:
        """Why others are better for a transfer of this size, or why it is out; empty when neither."""
        breaker = self._breakers[endpoint]
        if not breaker.in_service:
            return breaker.out_reason(now)
        return breaker.holding.suitability(self._times.needed_s(size_bytes), now).reason

    def probed(self, endpoint: EndpointId, probe: ProbeReport, now: float) -> Transition | None:
        """A probe came back: see ``Breaker.probed``."""
        return self._breakers[endpoint].probed(probe, now)

    def announce(
        self, endpoint: EndpointId, notices: Iterable[Notice], now: float
    ) -> Transition | None:
        """All that operators and calendars say of it from now on: see ``Breaker.announce``."""
        return self._breakers[endpoint].announce(notices, now)

    def stalled(self, endpoint: EndpointId, now: float, *, cap_s: float = USUAL_CAP_S) -> None:
        """A client was answered without waiting for the endpoint: see ``Breaker.stalled``."""
        self._breakers[endpoint].stalled(now, cap_s=cap_s)

    def probes_due(self, now: float) -> list[EndpointId]:
        """Who should be probed now."""
        return [endpoint for endpoint, b in self._breakers.items() if b.probe_due(now)]

    def tick(self, now: float) -> list[Transition]:
        """Time passes; what changed by that, and the trials begun since the last tick."""
        told, self._untold = self._untold, []
        for breaker in self._breakers.values():
            if (change := breaker.tick(now)) is not None:
                told.append(change)
        return told

    def snapshots(self, now: float) -> list[HealthSnapshot]:
        """All endpoints in configured order."""
        return [snapshot_of(breaker, now) for breaker in self._breakers.values()]

    def _look_around(self) -> None:
        self.absent = frozenset(
            e for e, breaker in self._breakers.items() if not breaker.in_service
        )
        self.reserved = frozenset(
            e for e, b in self._breakers.items() if b.in_service and b.reserved
        )
        self.withheld = self.absent | self.reserved

    def _may_eject(self) -> bool:
        """Whether one more may be out for its failures."""
        return sum(b.ejected for b in self._breakers.values()) < self._most_ejected

    def __repr__(self) -> str:
        states = ", ".join(f"{endpoint}: {b.state}" for endpoint, b in self._breakers.items())
        return f"<HealthBoard {states}>"
