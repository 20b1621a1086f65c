"""How are many requests of one client spread over the storage elements?"""

import http.client
from collections import Counter
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

from tests.functional.helpers.asking import WAIT_S, answer_of
from tests.peers.ask import ask


class Based(Protocol):
    """A storage element, as far as redirects tell it from another."""

    @property
    def base_url(self) -> str:
        """Without a trailing slash."""
        ...


def everyone_has_spoken(url: str) -> None:
    """Metalinks wait for every endpoint, so afterwards no redirect depends on who was quick."""
    assert ask("GET", f"{url}?metalink").status == 200


def sent_to(
    holders: Mapping[str, str],
    url: str,
    times: int,
    *,
    source: str = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
) -> Counter[str]:
    """How often one client at ``source`` is sent to each of ``holders`` (base URLs by name) when it GETs ``url``.

    One connection, one request after the other; every answer must be a 302 to the same path at one of them.
    """
    parts = urlsplit(url)
    by_url = {base + parts.path: name for name, base in holders.items()}
    counts: Counter[str] = Counter()
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=WAIT_S, source_address=(source, 0)
    )
    try:
        for _ in range(times):
            connection.request("GET", parts.path, headers=dict(headers or {}))
            answer = answer_of(connection.getresponse())
            assert (answer.status, answer.body) == (302, b"")
            counts[by_url[answer.headers["location"]]] += 1
    finally:
        connection.close()
    return counts


def bases(running: Mapping[str, Based]) -> dict[str, str]:
    """Their base URLs by name."""
    return {name: element.base_url for name, element in running.items()}
