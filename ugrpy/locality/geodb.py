"""Where is an address? Asked of what the operator wrote, then of MaxMind databases on disk (reference rows D25, D30, S34, S35).

Records are read with ``maxminddb`` and not through the models of ``geoip2``: those want one class per kind of database,
refuse databases named otherwise (a country database asked for a city), and build dozens of objects of which we
need four numbers. Any database is welcome that uses MaxMind's names for the fields (``records``).

A database is copied to a file without a name, and the copy is mapped into memory. Mapping the operator's own file would save the copy
(about 70 MB for each process, which the kernel may drop as it likes), but whoever overwrites that file in place, as ``cp`` does,
would take the pages away from under the reader: at best wrong answers, at worst SIGBUS.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from os import fstat, stat, stat_result
from pathlib import Path

import maxminddb

from ugrpy.core.errors import ConfigError
from ugrpy.locality.facts import UNKNOWN_FACTS, GeoFacts
from ugrpy.locality.model import UNKNOWN_PLACE, Address, NetworkPlace, Place
from ugrpy.locality.prefixes import PrefixTable, parse_address, unmapped
from ugrpy.locality.records import Record, facts_in, filled_facts, filled_place, place_in

# Addresses remembered, a few hundred bytes each; a look-up costs about 10 microseconds without.
PLACE_LIMIT = 50_000
# Addresses looked up in a new file before it is believed: 256 all over IPv4, as many over what is given out of IPv6 (2000::/3).
_SAMPLES_V4: tuple[Address, ...] = tuple(IPv4Address(n << 24 | 1 << 16) for n in range(256))
_SAMPLES_V6: tuple[Address, ...] = tuple(
    IPv6Address((0x2000 + n * 32) << 112 | 1) for n in range(256)
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one content of a file from another without reading it."""

    inode: int
    size_bytes: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a look at the files brought: the names of those taken up anew, and why others were not, each told once."""

    taken_up: tuple[str, ...] = ()
    failures: tuple[ConfigError, ...] = ()


@dataclass(frozen=True, slots=True)
class _Opened:
    path: Path
    stamp: Stamp
    ip_version: int
    built_at_s: float
    reader: maxminddb.Reader


class GeoDatabase:
    """City, country, AS and provider databases (``.mmdb``), the first that knows a field being believed.

    Raises ``ConfigError`` naming the file when one cannot be read or is no MaxMind database. Look-ups may go on in one thread while
    another refreshes: a reader that has been replaced lives until nobody uses it any more.
    """

    def __init__(self, paths: Sequence[Path] = ()) -> None:
        self._files: tuple[_Opened, ...] = ()
        self._refused: dict[Path, Stamp | None] = {}
        self._files = tuple(_open(path) for path in paths)

    def __repr__(self) -> str:
        return f"<GeoDatabase {', '.join(one.path.name for one in self._files) or 'empty'}>"

    @property
    def built_at_s(self) -> float | None:
        """When its makers made the oldest of the databases, in seconds since the epoch; ``None`` without one."""
        return min((one.built_at_s for one in self._files), default=None)

    def place(self, address: Address) -> Place:
        """What the databases together know; ``UNKNOWN_PLACE`` when they know nothing."""
        place = UNKNOWN_PLACE
        for name, record in self._records(unmapped(address)):
            place = filled_place(place, place_in(record, name))
        return place

    def facts(self, address: Address) -> GeoFacts:
        """The same with all that people may want to see."""
        facts = UNKNOWN_FACTS
        for name, record in self._records(unmapped(address)):
            facts = filled_facts(facts, facts_in(record, name))
        return facts

    def refresh(self) -> Refreshed:
        """Take up the files that have changed and can be used; the others stay as they were. Blocks while it reads.

        A file that was refused, maybe because it was still being written, is looked at again when it has changed.
        """
        taken_up: list[str] = []
        failures: list[ConfigError] = []
        for one in self._files:
            found = _stamp_at(one.path)
            if found == one.stamp:
                self._refused.pop(one.path, None)
            elif one.path not in self._refused or self._refused[one.path] != found:
                try:
                    self._put(_open(one.path))
                except ConfigError as error:
                    self._refused[one.path] = found
                    failures.append(error)
                else:
                    self._refused.pop(one.path, None)
                    taken_up.append(one.path.name)
        return Refreshed(tuple(taken_up), tuple(failures))

    def close(self) -> None:
        """Let go of the files; afterwards every place is unknown."""
        self._files = ()

    def _put(self, opened: _Opened) -> None:
        # one assignment: another thread sees all of the old or all of the new
        self._files = tuple(opened if one.path == opened.path else one for one in self._files)

    def _records(self, address: Address) -> Iterator[tuple[str, Record]]:
        for one in self._files:
            if address.version > one.ip_version:  # an IPv4 database says nothing about IPv6
                continue
            try:
                record = one.reader.get(address)
            except (maxminddb.InvalidDatabaseError, UnicodeDecodeError):
                continue  # one damaged record must not refuse the request
            if isinstance(record, dict):
                yield one.path.name, record


class Locator:
    """The operator's networks first, the longest prefix winning; what they leave open comes from the databases."""

    def __init__(
        self, database: GeoDatabase | None = None, network_places: Sequence[NetworkPlace] = ()
    ) -> None:
        self._database = database or GeoDatabase()
        self._by_hand = PrefixTable(
            (network, Place(by_hand.position, by_hand.country, source=f"{network} by the operator"))
            for by_hand in network_places
            for network in by_hand.networks
        )
        self._memo = lru_cache(maxsize=PLACE_LIMIT)(self._find)

    def __repr__(self) -> str:
        return f"<Locator of {self._database!r} and {len(self._by_hand)} networks by hand>"

    def place(self, address: str | Address | None) -> Place:
        """What is known of the address; text that is no address has an unknown place."""
        return self._memo(address)

    def forget(self) -> None:
        """The databases have changed: what they said before counts no more."""
        self._memo.cache_clear()

    def _find(self, address: str | Address | None) -> Place:
        plain = parse_address(address) if isinstance(address, str) else address
        if plain is None:
            return UNKNOWN_PLACE
        by_hand = self._by_hand.get(plain) or UNKNOWN_PLACE
        return filled_place(by_hand, self._database.place(plain))


def _open(path: Path) -> _Opened:
    try:
        return _opened_copy(path)
    except OSError as error:
        raise ConfigError(
            f"the GeoIP database cannot be read: {error.strerror or error}", where=str(path)
        ) from error
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise ConfigError(
            f"this is no MaxMind database: {error}",
            where=str(path),
            hint="a GeoLite2-City or GeoLite2-ASN file ending in .mmdb, unpacked",
        ) from error


def _opened_copy(path: Path) -> _Opened:
    with path.open("rb") as source, tempfile.TemporaryFile() as copy:
        stamp = _stamp(fstat(source.fileno()))
        shutil.copyfileobj(source, copy, 1 << 20)
        copy.flush()
        if _stamp(fstat(source.fileno())) != stamp:
            raise ValueError("it is being written just now")
        # the map outlives the descriptor
        reader = maxminddb.open_database(f"/proc/self/fd/{copy.fileno()}")
    metadata = reader.metadata()
    samples = _SAMPLES_V4 if metadata.ip_version == 4 else _SAMPLES_V4 + _SAMPLES_V6
    for address in samples:
        try:
            reader.get(address)
        except UnicodeDecodeError:
            continue  # a name in another encoding harms one answer only
    return _Opened(path, stamp, metadata.ip_version, float(metadata.build_epoch), reader)


def _stamp(found: stat_result) -> Stamp:
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns)


def _stamp_at(path: Path) -> Stamp | None:
    """``None`` when there is nothing to look at."""
    try:
        return _stamp(stat(path))
    except OSError:
        return None
