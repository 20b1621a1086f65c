"""Liveness, readiness and metrics: the small answers every service gives beside its real work."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from aiohttp import web

from ugrpy.service.metrics import PrometheusMeter

ClientAddress = IPv4Address | IPv6Address | None
Side = Callable[[web.BaseRequest, ClientAddress], Awaitable[web.StreamResponse]]
"""A handler beside the real work; it is told the client's address, proxies seen through."""


@dataclass(slots=True)
class ServiceState:
    """What the process is at.

    ``note`` gives details for ``/readyz``; ``refresh`` brings gauges up to date, and so do those who put themselves on
    ``also_refresh``. ``unready`` says why clients should go elsewhere for now, or nothing: a link that is down, a table
    still empty.
    """

    meter: PrometheusMeter
    note: Callable[[], Mapping[str, object]]
    refresh: Callable[[], None]
    metrics_from: tuple[IPv4Network | IPv6Network, ...] = ()
    stopping: bool = False
    unready: Callable[[], str] = str
    also_refresh: list[Callable[[], None]] = field(default_factory=list)

    def sides(self, *, open_metrics: bool) -> dict[str, Side]:
        """The paths and their handlers; ``open_metrics`` shows metrics to whoever can connect."""
        metrics = self.metrics if open_metrics else self._metrics_for_some
        return {"/livez": self.livez, "/readyz": self.readyz, "/metrics": metrics}

    def bring_up_to_date(self) -> None:
        """Set all gauges."""
        self.refresh()
        for refresh in self.also_refresh:
            refresh()

    async def livez(self, request: web.BaseRequest, client: ClientAddress) -> web.StreamResponse:
        """200 while the loop turns."""
        return web.Response(text="alive\n")

    async def readyz(self, request: web.BaseRequest, client: ClientAddress) -> web.StreamResponse:
        """200 when clients may be sent here, 503 while stopping or unready."""
        why = "" if self.stopping else self.unready()
        ready = not self.stopping and not why
        body = {"ready": ready, **({"why": why} if why else {}), **self.note()}
        return web.Response(
            status=200 if ready else 503,
            content_type="application/json",
            text=json.dumps(body) + "\n",
        )

    async def metrics(self, request: web.BaseRequest, client: ClientAddress) -> web.StreamResponse:
        """The Prometheus page, of all workers."""
        self.bring_up_to_date()
        content_type, body = self.meter.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _metrics_for_some(
        self, request: web.BaseRequest, client: ClientAddress
    ) -> web.StreamResponse:
        if client is None or not any(client in network for network in self.metrics_from):
            return web.Response(status=403, text="metrics are not shown to this address\n")
        return await self.metrics(request, client)
