"""A Valkey (or Redis) server as the shared store.

Keys begin with the namespace and with what tells one life of the server from another (``run_id`` of INFO). A server that comes back with what it last wrote to
its disk, or a replica that takes its place, does not know what has happened since, so what it brings along is never seen: it ages and goes.
The life is asked for on each connection, since another server may answer on the next.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import RedisError

from ugrpy.shared.base import StoreAway
from ugrpy.shared.pool import Pool

Word: TypeAlias = str | bytes | int
# Of the forty digits of a run_id so many are enough.
LIFE_DIGITS = 12
# Adds one to a number that is there; INCR alone would begin a missing one at 1. The answer is read as text: numbers of Lua have 53 bits, and
# what it hands out as a number is rounded.
_INCREASE = b"if redis.call('exists', KEYS[1]) == 0 then return false end redis.call('incr', KEYS[1]) return redis.call('get', KEYS[1])"


@dataclass(frozen=True, slots=True)
class _Line:
    """One connection, and what keys begin with on it."""

    connection: AbstractConnection
    prefix: str

    async def call(self, *words: Word) -> object:
        await self.connection.send_command(*words)
        answer: object = await self.connection.read_response()
        return answer


class ValkeyStore:
    """A ``SharedStore``. ``url`` as in the settings."""

    def __init__(self, url: str, namespace: str, timeout_s: float) -> None:
        self._namespace = namespace
        self._timeout_s = timeout_s
        # reads the URL and makes connections; it never holds one
        # without ``driver_info`` the library would look into its package on the disk for each connection
        options = {"protocol": 2, "driver_info": None}
        if not url.startswith("unix"):
            options["socket_keepalive"] = True
        self._maker = ConnectionPool.from_url(_redis_url(url), **options)
        self._pool: Pool[_Line] = Pool(
            self._opened, _discard, timeout_s=timeout_s, troubles=(RedisError,)
        )

    def __repr__(self) -> str:
        return f"<ValkeyStore {self._namespace}, {self._pool!r}>"

    async def get(self, keys: Sequence[str]) -> dict[str, bytes]:
        """As the contract says."""
        if not keys:
            return {}
        async with self._pool.connection() as line:
            values = await line.call("MGET", *(line.prefix + key for key in keys))
            found = zip(keys, cast("list[bytes | None]", values), strict=True)
            return {key: value for key, value in found if value is not None}

    async def put(self, key: str, value: bytes, ttl_s: float) -> None:
        """As the contract says."""
        async with self._pool.connection() as line:
            await line.call("SET", line.prefix + key, value, "PX", _milliseconds(ttl_s))

    async def add(self, key: str, value: bytes, ttl_s: float) -> bool:
        """As the contract says."""
        async with self._pool.connection() as line:
            kept = await line.call(
                "SET", line.prefix + key, value, "PX", _milliseconds(ttl_s), "NX"
            )
            return kept is not None

    async def increase(self, key: str) -> int | None:
        """As the contract says."""
        async with self._pool.connection() as line:
            after = await line.call("EVAL", _INCREASE, 1, line.prefix + key)
            return int(after) if isinstance(after, bytes) else None

    async def drop(self, keys: Sequence[str]) -> None:
        """As the contract says."""
        if keys:
            async with self._pool.connection() as line:
                await line.call("UNLINK", *(line.prefix + key for key in keys))

    async def tell(self, message: bytes) -> bool:
        """As the contract says."""
        async with self._pool.connection() as line:
            await line.call("PUBLISH", self._channel, message)
            return True

    async def listen(self) -> AsyncIterator[bytes]:
        """As the contract says."""
        connection = self._unconnected()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("SUBSCRIBE", self._channel)
            while True:
                said = await connection.read_response(timeout=None, disconnect_on_error=False)
                if isinstance(said, list) and said[0] == b"message" and isinstance(said[2], bytes):
                    yield said[2]
        except (OSError, EOFError, RedisError) as error:
            raise StoreAway(f"{type(error).__name__}: {error}") from error
        finally:
            await connection.disconnect(nowait=True)

    async def close(self) -> None:
        """As the contract says."""
        self._pool.clear()

    @property
    def _channel(self) -> str:
        return f"{self._namespace}:news"

    def _unconnected(self) -> AbstractConnection:
        return cast("AbstractConnection", self._maker.make_connection())  # type: ignore[no-untyped-call]

    async def _opened(self) -> _Line:
        connection = self._unconnected()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
            line = _Line(connection, "")
            about = await line.call("INFO", "server")
            return _Line(connection, f"{self._namespace}:{_life(about)}:")
        except BaseException:
            _close(connection)
            raise


def _life(about: object) -> str:
    for text in about.split(b"\r\n") if isinstance(about, bytes) else ():
        name, _, value = text.partition(b":")
        if name == b"run_id" and value.isalnum():
            return value[:LIFE_DIGITS].decode()
    raise StoreAway("INFO tells no run_id")


def _discard(line: _Line) -> None:
    _close(line.connection)


def _close(connection: AbstractConnection) -> None:
    # at once: whoever was cancelled must not wait for a farewell
    connection._close()  # type: ignore[no-untyped-call]


def _milliseconds(ttl_s: float) -> int:
    return max(1, int(ttl_s * 1000))


def _redis_url(url: str) -> str:
    """The names that the client library knows."""
    return url.replace("valkeys://", "rediss://", 1).replace("valkey://", "redis://", 1)
