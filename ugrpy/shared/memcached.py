"""One memcached server as the shared store.

It passes no news on, and what it kept is lost when it ends; so a server that comes back has nothing old to tell. Several servers are several stores, see ``ring``.
The client library puts a connection back when its user was cancelled, with an answer still to come on it; so here each of its clients has one
connection only and is thrown away together with it.
"""

from collections.abc import AsyncIterator, Sequence

from aiomcache import Client
from aiomcache.exceptions import ClientException

from ugrpy.shared.base import StoreAway
from ugrpy.shared.pool import Pool

# Longer times are taken for dates (memcached's protocol.txt, "Expiration times").
LONGEST_TTL_S = 30 * 24 * 3600


class MemcachedStore:
    """A ``SharedStore``. An empty ``namespace`` is for keys that others read as well."""

    def __init__(self, host: str, port: int, namespace: str, timeout_s: float) -> None:
        self._host = host
        self._port = port
        self._prefix = f"{namespace}:" if namespace else ""
        self._pool: Pool[Client] = Pool(
            self._opened, _discard, timeout_s=timeout_s, troubles=(ClientException,)
        )

    def __repr__(self) -> str:
        return f"<MemcachedStore {self._host}:{self._port} {self._prefix}, {self._pool!r}>"

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """As the contract says."""
        if not keys:
            return {}
        async with self._pool.connection() as client:
            values = await client.multi_get(*(self._key(key) for key in keys))
        found = zip(keys, values, strict=True)
        return {key: value for key, value in found if value is not None}

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """As the contract says."""
        async with self._pool.connection() as client:
            if not await client.set(self._key(key), value, _seconds(ttl_s)):
                raise StoreAway("it did not keep a value")

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As the contract says."""
        async with self._pool.connection() as client:
            return await client.add(self._key(key), value, _seconds(ttl_s))

    async def increase(self, key: str) -> int | None:
        """As the contract says."""
        async with self._pool.connection() as client:
            try:
                return await client.incr(self._key(key))
            except ClientException as error:
                if "NOT_FOUND" in str(error):
                    return None
                raise

    async def drop(self, keys: Sequence[str]) -> None:
        """As the contract says."""
        async with self._pool.connection() as client:
            for key in keys:
                await client.delete(self._key(key))

    async def tell(self, message: bytes) -> bool:
        """As the contract says: memcached passes nothing on."""
        return False

    async def listen(self) -> AsyncIterator[bytes]:
        """As the contract says."""
        nothing: tuple[bytes, ...] = ()
        for message in nothing:
            yield message

    async def close(self) -> None:
        """As the contract says."""
        self._pool.clear()

    def _key(self, key: str) -> bytes:
        return f"{self._prefix}{key}".encode("ascii")

    async def _opened(self) -> Client:
        return Client(self._host, self._port, pool_size=1)


def _discard(client: Client) -> None:
    pool = client._pool
    while not pool._pool.empty():
        pool._do_close(pool._pool.get_nowait())


def _seconds(ttl_s: float) -> int:
    """Whole seconds, as memcached wants them."""
    return min(LONGEST_TTL_S, max(1, round(ttl_s)))
