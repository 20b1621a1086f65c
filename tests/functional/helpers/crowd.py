"""How does a crowd of clients ask, and what does the gateway say of the load they make?"""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from tests.functional.helpers.asking import ask_from
from tests.peers.ask import Answer, ask
from tests.peers.gateway import Gateway


class Crowd:
    """Clients of one network, all at once, each with a connection of its own."""

    def __init__(
        self,
        gateway: Gateway,
        source: str,
        method: str,
        paths: Sequence[str],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._pool = ThreadPoolExecutor(len(paths))
        self.asked: list[Future[Answer]] = [
            self._pool.submit(ask_from, source, method, gateway.url + path, headers)
            for path in paths
        ]

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def answers(self) -> list[Answer]:
        return [one.result() for one in self.asked]


def load_of(gateway: Gateway) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(ask("GET", f"{gateway.admin_url}/v1/load").body)
    return page


def network(gateway: Gateway, source: str) -> dict[str, Any]:
    """The row of a client's network."""
    name = source.rpartition(".")[0] + ".0/24"
    (row,) = [one for one in load_of(gateway)["networks"] if one["network"] == name]
    return dict(row)
