"""Who asks, and where is that? The other end of the connection, as trusted proxies tell it, or the address that stands in ``?ip=``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from shoalpy.model import Address
from shoalpy.nearest import NOBODY, Caller
from ugrpy.core.errors import BadRequest
from ugrpy.locality import Network, parse_address
from ugrpy.security.forwarded import TrustedNetworks, client_address

KNOWN_CALLERS = 50_000
# Longer headers and queries are worked out each time, or strangers could fill the memory with them.
_LONGEST_KEPT = 512


@dataclass(frozen=True, slots=True)
class Asking:
    """A caller and its address; ``None`` on a local socket."""

    address: Address | None
    caller: Caller = NOBODY


class Callers:
    """``caller_of`` says what matters of an address; it is asked again after ``forget``, when databases have changed."""

    def __init__(
        self,
        caller_of: Callable[[Address], Caller],
        *,
        trusted: Sequence[Network] = (),
        takes_ip: bool = True,
    ) -> None:
        self._caller_of = caller_of
        self._trusted = TrustedNetworks(trusted)
        self._takes_ip = takes_ip
        self._known = lru_cache(maxsize=KNOWN_CALLERS)(self._asking)

    def forget(self) -> None:
        """Whatever was known of addresses may be wrong now."""
        self._known.cache_clear()

    def asking(self, request: web.BaseRequest, query: str = "") -> Asking:
        """Who asks. Raises ``BadRequest`` when ``?ip=`` is no address."""
        if query and self._takes_ip:
            wanted = ip_in(query)
            if wanted is not None:
                return self._known(str(wanted), (), ())
        if not self._trusted:
            return self._known(request.remote, (), ())
        headers = request.headers
        x_forwarded_for = tuple(headers.getall("X-Forwarded-For", ()))
        forwarded = tuple(headers.getall("Forwarded", ()))
        length = sum(map(len, x_forwarded_for)) + sum(map(len, forwarded))
        find = self._known if length <= _LONGEST_KEPT else self._asking
        return find(request.remote, x_forwarded_for, forwarded)

    def _asking(
        self, peer: str | None, x_forwarded_for: tuple[str, ...], forwarded: tuple[str, ...]
    ) -> Asking:
        address = client_address(
            peer, x_forwarded_for=x_forwarded_for, forwarded=forwarded, trusted=self._trusted
        )
        return Asking(None) if address is None else Asking(address, self._caller_of(address))


def ip_in(query: str) -> Address | None:
    """The address in ``ip=``; ``None`` without one.

    The query is decoded once as a whole first, since some write ``ip%3d192.0.2.7`` where ``=`` cannot be written (reference section 10.1).
    Raises ``BadRequest``.
    """
    if "ip" not in query.lower():
        return None
    given = dict(parse_qsl(unquote(query), keep_blank_values=True, max_num_fields=100)).get("ip")
    if given is None:
        return None
    address = parse_address(given)
    if address is None:
        raise BadRequest("bad ip address given")
    return address
