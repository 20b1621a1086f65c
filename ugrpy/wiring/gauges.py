"""What is true now, for ``/readyz`` and the gauges of ``/metrics``."""

from ugrpy.changing import Changing
from ugrpy.federation import Federation
from ugrpy.frontend.gateway import Gateway
from ugrpy.health.states import State
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.telemetry import (
    CACHE_BYTES,
    CACHE_ITEMS,
    ENDPOINT_IN_SERVICE,
    ENDPOINT_STATE,
    INFLIGHT_REQUESTS,
)


class Gauges:
    """Reads the federation and the gateway; sets the instruments."""

    def __init__(
        self,
        meter: PrometheusMeter,
        federation: Federation,
        gateway: Gateway,
        changing: Changing | None = None,
    ) -> None:
        self._changing = changing
        self._federation = federation
        self._gateway = gateway
        self._names = [member.id for member in federation.members]
        self._in_service = {
            name: meter.instrument(ENDPOINT_IN_SERVICE.name, endpoint=name) for name in self._names
        }
        self._states = {
            (name, state): meter.instrument(ENDPOINT_STATE.name, endpoint=name, state=state.value)
            for name in self._names
            for state in State
        }
        self._entries = meter.instrument(CACHE_ITEMS.name, cache="entry")
        self._listings = meter.instrument(CACHE_ITEMS.name, cache="listing")
        self._bytes = meter.instrument(CACHE_BYTES.name)
        self._inflight = meter.instrument(INFLIGHT_REQUESTS.name)

    def note(self) -> dict[str, object]:
        """What ``/readyz`` adds to its verdict."""
        serving = sum(self._federation.board.in_service(name) for name in self._names)
        return {"endpoints": len(self._names), "endpoints_in_service": serving}

    def refresh(self) -> None:
        """Bring the gauges up to date."""
        for name, gauge in self._in_service.items():
            gauge.add(float(self._federation.board.in_service(name)))
        for (name, state), gauge in self._states.items():
            gauge.add(float(self._federation.board[name].state is state))
        self._entries.add(len(self._federation.memory.names))
        self._listings.add(len(self._federation.memory.listings))
        self._bytes.add(self._federation.memory.names.tiers.bytes_held)
        self._inflight.add(self._gateway.inflight)
        if self._changing is not None:
            self._changing.show()
