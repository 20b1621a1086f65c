"""Liveness, readiness and metrics: the small answers every service gives beside its real work."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from aiohttp import web

from ugrpy.service.metrics import PrometheusMeter

ClientAddress = IPv4Address | IPv6Address | None
Side = Callable[[web.BaseRequest, ClientAddress], Awaitable[web.StreamResponse]]
"""A handler beside the real work; it is told the client's address, proxies seen through."""


@dataclass(slots=True)
class ServiceState:
    """What the process is at; ``note`` gives details for ``/readyz``, ``refresh`` brings gauges up to date."""

    meter: PrometheusMeter
    note: Callable[[], Mapping[str, object]]
    refresh: Callable[[], None]
    metrics_from: tuple[IPv4Network | IPv6Network, ...] = ()
    stopping: bool = False

    def sides(self, *, open_metrics: bool) -> dict[str, Side]:
        """The paths and their handlers; ``open_metrics`` shows metrics to whoever can connect."""
        metrics = self.metrics if open_metrics else self._metrics_for_some
        return {"/livez": self.livez, "/readyz": self.readyz, "/metrics": metrics}

    async def livez(self, request: web.BaseRequest, client: ClientAddress) -> web.StreamResponse:
        """200 while the loop turns."""
        return web.Response(text="alive\n")

    async def readyz(self, request: web.BaseRequest, client: ClientAddress) -> web.StreamResponse:
        """200 when clients may be sent here, 503 while stopping."""
        status = 503 if self.stopping else 200
        body = {"ready": not self.stopping, **self.note()}
        return web.Response(
            status=status, content_type="application/json", text=json.dumps(body) + "\n"
        )

    async def metrics(self, request: web.BaseRequest, client: ClientAddress) -> web.StreamResponse:
        """The Prometheus page, of all workers."""
        self.refresh()
        content_type, body = self.meter.render(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _metrics_for_some(
        self, request: web.BaseRequest, client: ClientAddress
    ) -> web.StreamResponse:
        if client is None or not any(client in network for network in self.metrics_from):
            return web.Response(status=403, text="metrics are not shown to this address\n")
        return await self.metrics(request, client)
