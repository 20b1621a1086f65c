"""Where do the servers and clients of a test live, and who ends them?"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.peers.apache import apache_dav
from tests.peers.caches import squid, stratum_one, varnish
from tests.peers.memcached import memcached
from tests.peers.nginx import nginx_dav, nginx_plain, nginx_redirect
from tests.peers.rabbitmq import Broker, rabbitmq
from tests.peers.redis import redis_server
from tests.peers.server import PeerServer
from tests.peers.wsgidav import wsgidav_server
from tests.peers.xrootd import xrootd_http


class Bench:
    """Starts real servers, each in a folder of its own, and stops them all at the end.

    The base folder can be read by everybody, unlike pytest's own: as root the servers drop to other users.
    Every method starts one more server, ready when it returns.
    """

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="ugrpy-peers-"))
        self.base.chmod(0o755)
        self._servers: list[PeerServer | Broker] = []
        self._folders = 0

    def __enter__(self) -> "Bench":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop every server and remove every file."""
        try:
            for server in reversed(self._servers):
                server.stop()
        finally:
            shutil.rmtree(self.base, ignore_errors=True)

    def folder(self, name: str) -> Path:
        """A new empty folder below the base, readable by everybody."""
        self._folders += 1
        path = self.base / f"{self._folders:03}-{name}"
        path.mkdir()
        path.chmod(0o755)
        return path

    def nginx_dav(
        self, address: str = "127.0.0.1", *, bytes_per_s: int | None = None
    ) -> PeerServer:
        """nginx with WebDAV, as slow as wished."""
        return self._start(
            "nginx-dav", lambda folder: nginx_dav(folder, address, bytes_per_s=bytes_per_s)
        )

    def nginx_plain(self, address: str = "127.0.0.1", *, autoindex: bool = False) -> PeerServer:
        """nginx serving files."""
        return self._start(
            "nginx-plain", lambda folder: nginx_plain(folder, address, autoindex=autoindex)
        )

    def nginx_redirect(self, target: str, address: str = "127.0.0.1") -> PeerServer:
        """nginx sending everybody to ``target``."""
        return self._start("nginx-redirect", lambda folder: nginx_redirect(folder, target, address))

    def apache_dav(self, address: str = "127.0.0.1") -> PeerServer:
        """Apache with mod_dav."""
        return self._start("apache", lambda folder: apache_dav(folder, address))

    def xrootd_http(self, address: str = "127.0.0.1") -> PeerServer:
        """XRootD with HTTP and third-party copy."""
        return self._start("xrootd", lambda folder: xrootd_http(folder, address))

    def wsgidav_server(self, address: str = "127.0.0.1") -> PeerServer:
        """WsgiDAV."""
        return self._start("wsgidav", lambda folder: wsgidav_server(folder, address))

    def stratum_one(self, *addresses: str) -> PeerServer:
        """nginx as the origin behind caches, at all these addresses."""
        return self._start("stratum-one", lambda folder: stratum_one(folder, *addresses))

    def squid(self, address: str = "127.0.0.1", *, denies: bool = False) -> PeerServer:
        """A forward proxy, or one that lets nobody through."""
        return self._start("squid", lambda folder: squid(folder, address, denies=denies))

    def varnish(self, origin: PeerServer, address: str = "127.0.0.1") -> PeerServer:
        """A reverse proxy before the origin."""
        return self._start("varnish", lambda folder: varnish(folder, origin, address))

    def memcached(self, address: str = "127.0.0.1") -> PeerServer:
        """memcached."""
        return self._start("memcached", lambda folder: memcached(folder, address))

    def redis(self, address: str = "127.0.0.1") -> PeerServer:
        """redis-server."""
        return self._start("redis", lambda folder: redis_server(folder, address))

    def rabbitmq(self, address: str = "127.0.0.1") -> Broker:
        """RabbitMQ."""
        broker = rabbitmq(self.folder("rabbitmq"), address)
        self._servers.append(broker)  # first, since half of it may run when the other half fails
        broker.start()
        return broker

    def _start(self, name: str, make: Callable[[Path], PeerServer]) -> PeerServer:
        server = make(self.folder(name))
        server.start()
        self._servers.append(server)
        return server
