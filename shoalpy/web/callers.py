"""Who asks, and where is that? The client as the service sees it, or the address that stands in ``?ip=``."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from shoalpy.model import Address
from shoalpy.nearest import NOBODY, Caller
from ugrpy.core.errors import BadRequest
from ugrpy.locality import parse_address

KNOWN_CALLERS = 50_000
_MOST_FIELDS = 100


@dataclass(frozen=True, slots=True)
class Asking:
    """A caller and its address; ``None`` on a local socket."""

    address: Address | None
    caller: Caller = NOBODY


class Callers:
    """``caller_of`` says what matters of an address; it is asked again after ``forget``, when databases have changed.

    ``takes_ip``: whether ``?ip=`` counts.
    """

    def __init__(self, caller_of: Callable[[Address], Caller], *, takes_ip: bool = True) -> None:
        self._caller_of = caller_of
        self._takes_ip = takes_ip
        self._known = lru_cache(maxsize=KNOWN_CALLERS)(self._find)

    def forget(self) -> None:
        """Whatever was known of addresses may be wrong now."""
        self._known.cache_clear()

    def asking(self, client: Address | None, query: str = "") -> Asking:
        """Who asks. Raises ``BadRequest`` when ``?ip=`` is no address."""
        if query and self._takes_ip:
            client = ip_in(query) or client
        return self._known(client)

    def _find(self, address: Address | None) -> Asking:
        return Asking(None) if address is None else Asking(address, self._caller_of(address))


def ip_in(query: str) -> Address | None:
    """The address in ``ip=``; ``None`` without one.

    The query is decoded once as a whole first, since some write ``ip%3d192.0.2.7`` where ``=`` cannot be written (reference section 10.1).
    Raises ``BadRequest``.
    """
    if "ip" not in query:
        return None
    given = fields_of(unquote(query)).get("ip")
    if given is None:
        return None
    address = parse_address(given)
    # what follows % may be any text, and would go where the address goes
    if address is None or "%" in str(address):
        raise BadRequest("bad ip address given")
    return address


def fields_of(query: str) -> dict[str, str]:
    """The fields of a query, the last of each name. Raises ``BadRequest`` when there are too many."""
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise BadRequest("too many fields in the query") from None
