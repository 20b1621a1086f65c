"""Heartbeats as agents send them, and caches as version 1 of the interface shows them.

A heartbeat (reference section 3.1) is a JSON object; anybody who can publish can send one, so nothing in it is believed before it
is checked, and one that is wrong is dropped with a reason that is counted::

    {"uuid": "5f0c…", "hostname": "vm1.uvic.example", "timestamp": 1795365733.57, "load": 812.4, "cache_port": 3128,
     "cache_type": "squid", "upstream": "both", "max_load": 122000, "public_ip": "192.0.2.7", "private_ip": null}

Old agents say ``squid_port`` and may leave out the rest; the port may be text, and is shown as text again, since old clients read
the answers with regular expressions. A host name ends up in PAC scripts, so it must be one (RFC 1123 section 2.1).

A cache in a version 1 answer (section 2.2) is written by ``json`` with its usual spacing for the same reason.
"""

import json
import math
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeVar

from shoalpy.model import Address, Cache, CacheType, Heartbeat, Upstream
from ugrpy.core.errors import DataError
from ugrpy.locality import parse_address

E = TypeVar("E", bound=StrEnum)

MAX_BEAT_BYTES = 16 * 1024
_MAX_KEY_CHARS = 128
_NUMBERS = (int, float)
# Ten times what the fastest network card there is can send.
_MAX_LOAD_KBPS = 1e9
# Addresses are told again with every heartbeat; so many are known by their text, about 200 bytes each, which none of a greater length has.
_KNOWN_ADDRESSES = 50_000
_ADDRESS_CHARS = 45
_EVERYBODY = IPv4Address("255.255.255.255")
_KEY = re.compile(r"[A-Za-z0-9._:@-]+")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")


class Reason(StrEnum):
    """Why a heartbeat is dropped; the label of the counter."""

    TOO_LONG = "too_long"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    BAD_KEY = "bad_key"
    BAD_HOSTNAME = "bad_hostname"
    BAD_PORT = "bad_port"
    BAD_NUMBER = "bad_number"
    BAD_ADDRESS = "bad_address"
    BAD_TYPE = "bad_type"
    NO_ADDRESS = "no_address"
    TOO_OLD = "too_old"
    FROM_THE_FUTURE = "from_the_future"
    UNKNOWN_PLACE = "unknown_place"
    NOT_THE_OWNER = "not_the_owner"
    BAD_SIGNATURE = "bad_signature"
    REPLAYED = "replayed"
    TOO_MANY = "too_many"


class BadBeat(DataError):
    """A heartbeat that is dropped: the message says what was wrong and what was expected."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


def parse_heartbeat(body: bytes, *, signer: str = "") -> Heartbeat | str:
    """The heartbeat, or the key of a cache that says goodbye. Raises ``BadBeat``."""
    said = _object_in(body)
    key = _key(said)
    if said.get("goodbye") is True:
        return key
    port = said.get("cache_port")
    if port is None:
        port = said.get("squid_port")
    beat = Heartbeat(
        key=key,
        hostname=_hostname(_required(said, "hostname")),
        port=_port(port),
        sent_at_s=_number("timestamp", _required(said, "timestamp"), 0.0, 1e11),
        load_kbps=_number("load", _required(said, "load"), 0.0, _MAX_LOAD_KBPS),
        cache_type=_word(said, "cache_type", CacheType, CacheType.SQUID),
        upstream=_word(said, "upstream", Upstream, Upstream.BOTH),
        max_load_kbps=_max_load(said.get("max_load")),
        public_ip=_address(said, "public_ip"),
        private_ip=_address(said, "private_ip"),
        external_ip=_address(said, "external_ip"),
        port_as_text=isinstance(port, str),
        signer=signer,
    )
    if beat.reachable_ip is None and beat.private_ip is None:
        raise BadBeat(
            Reason.NO_ADDRESS, "one of public_ip, external_ip and private_ip must be given"
        )
    return beat


def render_v1(
    cache: Cache,
    *,
    local: bool,
    max_load_kbps: float,
    show_private: bool = True,
    cost: float | None = None,
) -> dict[str, object]:
    """One cache as version 1 shows it. ``local``: it stands in the caller's network; ``cost`` is told as ``distance``.

    ``max_load_kbps`` is the one that counts when the agent gave none.
    """
    beat, facts = cache.beat, cache.facts
    position = facts.place.position
    shown: dict[str, object] = {
        "created": cache.created_s,
        "last_active": cache.last_active_s,
        "hostname": beat.hostname,
        "squid_port": str(beat.port) if beat.port_as_text else beat.port,
        "public_ip": _text(beat.reachable_ip),
        "private_ip": _text(beat.private_ip) if show_private else None,
        "external_ip": _text(beat.external_ip),
        "geo_data": {
            "city": facts.city,
            "region_code": facts.region_code,
            "time_zone": facts.time_zone,
            "metro_code": facts.metro_code,
            "latitude": None if position is None else position.latitude_deg,
            "longitude": None if position is None else position.longitude_deg,
            "postal_code": facts.postal_code,
            "country_code": facts.place.country,
            "country_name": facts.country_name,
            "continent": facts.continent,
        },
        "load": beat.load_kbps,
        "verified": cache.is_global,
        "global_access": cache.is_global,
        "max_load": _plain(beat.max_load_kbps or max_load_kbps),
        "local": True if local else None,
        "cache_type": beat.cache_type.value,
        "upstream": beat.upstream.value,
    }
    if cost is not None:
        shown["distance"] = cost
    return shown


def _object_in(body: bytes) -> Mapping[str, Any]:
    if len(body) > MAX_BEAT_BYTES:
        raise BadBeat(
            Reason.TOO_LONG, f"{len(body)} bytes; a heartbeat has at most {MAX_BEAT_BYTES}"
        )
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadBeat(Reason.NOT_JSON, f"expected a JSON object: {str(error)[:100]}") from None
    if not isinstance(said, dict):
        raise BadBeat(Reason.NOT_AN_OBJECT, f"expected a JSON object, found {type(said).__name__}")
    return said


def _required(said: Mapping[str, Any], name: str) -> Any:
    value = said.get(name)
    if value is None:
        raise BadBeat(Reason.MISSING_FIELD, f"{name} must be given")
    return value


def _key(said: Mapping[str, Any]) -> str:
    key = _required(said, "uuid")
    if not (isinstance(key, str) and len(key) <= _MAX_KEY_CHARS and _KEY.fullmatch(key)):
        raise BadBeat(
            Reason.BAD_KEY,
            f"uuid: expected up to {_MAX_KEY_CHARS} letters, digits and ._:@-, found {_shown(key)}",
        )
    return key


def _hostname(value: Any) -> str:
    if isinstance(value, str) and len(value) <= 253 and _HOSTNAME.fullmatch(value):
        return value.rstrip(".").lower()
    raise BadBeat(Reason.BAD_HOSTNAME, f"hostname: expected a host name, found {_shown(value)}")


def _port(value: Any) -> int:
    if value is None:
        raise BadBeat(Reason.MISSING_FIELD, "cache_port must be given")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536:
        return value
    raise BadBeat(Reason.BAD_PORT, f"cache_port: expected 1 to 65535, found {_shown(value)}")


def _number(name: str, value: Any, least: float, most: float) -> float:
    # the bounds refuse NaN too, and are looked at before a huge integer is made a float
    if isinstance(value, _NUMBERS) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    raise BadBeat(
        Reason.BAD_NUMBER,
        f"{name}: expected a number from {least:g} to {most:g}, found {_shown(value)}",
    )


def _max_load(value: Any) -> float | None:
    """The cache's capacity; ``None`` where it cannot be one, as from network cards that say -1 (reference section 4)."""
    if isinstance(value, str):
        try:
            value = float(value)  # agents send what stands in their file as it is
        except ValueError:
            raise BadBeat(Reason.BAD_NUMBER, f"max_load: not a number: {_shown(value)}") from None
    if value is None:
        return None
    if not isinstance(value, _NUMBERS) or isinstance(value, bool):
        raise BadBeat(Reason.BAD_NUMBER, f"max_load: not a number: {_shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadBeat(Reason.BAD_NUMBER, f"max_load: not a number: {_shown(value)}")
    return float(value) if 0 < value <= _MAX_LOAD_KBPS else None


def _address(said: Mapping[str, Any], name: str) -> Address | None:
    value = said.get(name)
    if value is None or value == "":
        return None
    short = isinstance(value, str) and len(value) <= _ADDRESS_CHARS
    address = _host_address(value) if short else None
    if address is None:
        raise BadBeat(Reason.BAD_ADDRESS, f"{name}: expected an IP address, found {_shown(value)}")
    return address


@lru_cache(maxsize=_KNOWN_ADDRESSES)
def _host_address(text: str) -> Address | None:
    address = parse_address(text)
    return address if address is not None and _may_be_a_host(address) else None


def _may_be_a_host(address: Address) -> bool:
    """Not all that has the form of an address: what follows ``%`` may be any text, and goes wherever the address goes."""
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    return not (address.is_multicast or address.is_unspecified or address == _EVERYBODY)


def _word(said: Mapping[str, Any], name: str, words: type[E], default: E) -> E:
    value = said.get(name)
    if value is None:
        return default
    try:
        return words(value)
    except ValueError:
        expected = ", ".join(words)
        raise BadBeat(
            Reason.BAD_TYPE, f"{name}: expected one of {expected}, found {_shown(value)}"
        ) from None


def _shown(value: Any) -> str:
    return ascii(value)[:60]


def _text(address: Address | None) -> str | None:
    return None if address is None else str(address)


def _plain(number: float) -> float | int:
    return int(number) if number.is_integer() else number
