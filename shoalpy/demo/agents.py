"""The agents: a signed heartbeat a second for each cache whose machine is up."""

import base64
import json
import secrets
from threading import Event, Lock, Thread

from shoalpy.demo.client import Reply, ask
from shoalpy.demo.sites import SITES, Site
from shoalpy.intake.https import PATH
from shoalpy.signing import Algorithm, Key, sign
from ugrpy.core.clock import SystemClock
from ugrpy.core.errors import UgrError
from ugrpy.service.tour.processes import Child

BEAT_S = 1.0
INACTIVE_S = 5.0
"""How soon a cache that is silent is gone: short, because a viewer does not wait for three minutes."""


class Agents:
    """Send from ``start`` to ``stop``. ``server_url`` has no slash at its end; ``caches`` are by name. An agent whose cache does not run is silent."""

    def __init__(self, server_url: str, caches: dict[str, Child]) -> None:
        self.key = Key("demo", Algorithm.HMAC_SHA256, secrets.token_bytes(32))
        self.answers: dict[str, Reply | str] = {}
        """What the server said last, or why there was no answer, by name."""
        self._server_url = server_url
        self._caches = caches
        self._up = {site.name for site in SITES}
        self._lock = Lock()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="agents", daemon=True)

    @property
    def keys_file(self) -> str:
        """What the server's keys file says."""
        return (
            f"{self.key.key_id} {self.key.algorithm} {base64.b64encode(self.key.secret).decode()}\n"
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; does nothing before ``start``."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def machine_dies(self, site: Site) -> None:
        """No further heartbeat from there, not even one that is being made."""
        with self._lock:
            self._up.discard(site.name)

    def machine_returns(self, site: Site) -> None:
        """Heartbeats again."""
        with self._lock:
            self._up.add(site.name)

    def _run(self) -> None:
        while not self._stopping.is_set():
            for site in SITES:
                with self._lock:
                    if site.name in self._up and self._caches[site.name].running:
                        self.answers[site.name] = self._beat(site)
            self._stopping.wait(BEAT_S)

    def _beat(self, site: Site) -> Reply | str:
        now_s = SystemClock.wall()
        body = json.dumps(
            {
                "uuid": site.name,
                "hostname": site.hostname,
                "timestamp": now_s,
                "load": 0.0,
                "cache_port": self._caches[site.name].port,
                "cache_type": "squid",
                "upstream": "both",
                "public_ip": site.cache_address,
            }
        ).encode()
        headers = sign(self.key, path=PATH, body=body, now_s=now_s, nonce=secrets.token_hex(8))
        try:
            return ask(
                f"{self._server_url}{PATH}",
                source=site.cache_address,
                method="POST",
                headers=headers,
                body=body,
            )
        except (OSError, UgrError) as error:
            return str(error)
