"""Who uses what of this process? For ``/v1/load`` and the gauges."""

from collections.abc import Mapping
from heapq import nlargest

from ugrpy.federation import Federation
from ugrpy.load.admission import Admission
from ugrpy.load.share import Share
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.telemetry import ENDPOINT_TURNS, REQUESTS_AT_WORK

MOST_SHOWN = 100


def render_load(
    admission: Admission, federation: Federation, streams: Share[str, None] | None, most: int
) -> Mapping[str, object]:
    """The limits, what is at work and waits, the networks with most of it, and the endpoints, as plain data."""
    share = admission.gate.share
    room = share.room
    return {
        "at_work": share.at_work,
        "waiting": share.waiting,
        "places": room.places,
        "reserve": room.reserve,
        "max_waiting": room.waiting,
        "networks_active": share.active,
        "networks": _networks(admission, most),
        "pages": {
            "at_work": admission.pages.share.at_work,
            "waiting": admission.pages.share.waiting,
        },
        "streams": {} if streams is None else _streams(streams, most),
        "endpoints": {
            name: {
                "at_work": turns.at_work,
                "waiting": turns.waiting,
                "silent": turns.is_silent(),
                "held_back": turns.held_back,
            }
            for name, turns in federation.asking.turns.items()
        },
    }


def _streams(streams: Share[str, None], most: int) -> Mapping[str, object]:
    """What is passed on by the gateway itself, by network, the most first."""
    by_network = {network: streams.of(network)[0] for network in streams}
    top = nlargest(most, by_network, key=by_network.__getitem__)
    return {
        "under_way": streams.at_work,
        "places": streams.room.places,
        "reserve": streams.room.reserve,
        "networks": {network: by_network[network] for network in top},
    }


def _networks(admission: Admission, most: int) -> list[dict[str, object]]:
    """Those with something at work or waiting first, the most of it first; then those that were refused most."""
    share = admission.gate.share
    rows = [(share.of(network), used, network) for network, used in admission.usage]
    top = nlargest(most, rows, key=lambda row: (sum(row[0]), row[1].refused, row[1].admitted))
    return [
        {
            "network": network,
            "at_work": at_work,
            "waiting": waiting,
            "admitted": used.admitted,
            "waited": used.waited,
            "mean_wait_s": round(used.waited_s / used.waited, 3) if used.waited else 0.0,
            "refused": used.refused,
        }
        for (at_work, waiting), used, network in top
    ]


class LoadGauges:
    """The gauges of what is at work and what waits."""

    def __init__(
        self, meter: PrometheusMeter, admission: Admission, federation: Federation
    ) -> None:
        self._share = admission.gate.share
        self._turns = federation.asking.turns
        self._at_work = meter.instrument(REQUESTS_AT_WORK.name, state="at work")
        self._waiting = meter.instrument(REQUESTS_AT_WORK.name, state="waiting")
        self._of = {
            name: tuple(
                meter.instrument(ENDPOINT_TURNS.name, endpoint=name, state=state)
                for state in ("at work", "waiting")
            )
            for name in self._turns
        }

    def refresh(self) -> None:
        """Bring them up to date."""
        self._at_work.add(self._share.at_work)
        self._waiting.add(self._share.waiting)
        for name, (at_work, waiting) in self._of.items():
            at_work.add(self._turns[name].at_work)
            waiting.add(self._turns[name].waiting)
