"""Which downtimes does a calendar announce? Its bytes in, entries out. Pure.

GOCDB (``get_downtime`` and ``get_downtime_nested_services``)::

    <results><DOWNTIME ID="1" PRIMARY_KEY="1G0" CLASSIFICATION="SCHEDULED"><HOSTNAME>se.example.org</HOSTNAME>
      <SERVICE_TYPE>webdav</SERVICE_TYPE><SITENAME>EXAMPLE</SITENAME><SEVERITY>OUTAGE</SEVERITY><DESCRIPTION>disks</DESCRIPTION>
      <START_DATE>1796104800</START_DATE><END_DATE>1796112000</END_DATE></DOWNTIME></results>

OSG and OSDF topology (``rgdowntime/xml``); times are of 24 hours, with AM or PM all the same::

    <Downtimes><CurrentDowntimes/><FutureDowntimes><Downtime><Severity>Outage</Severity><ResourceGroup><GroupName>G</GroupName></ResourceGroup>
      <ResourceName>R</ResourceName><ResourceFQDN>se.example.org</ResourceFQDN><StartTime>Dec 01, 2026 18:00 PM UTC</StartTime>
      <EndTime>Dec 01, 2026 20:00 PM UTC</EndTime><Services><Service><Name>XRootD origin server</Name></Service></Services>
      <Description>disks</Description></Downtime></FutureDowntimes></Downtimes>

The simple form, in TOML or JSON::

    [[downtimes]]
    endpoint = "uvic"            # or host = "se.example.org"
    from = 2026-12-01T18:00:00Z
    until = 2026-12-01T20:00:00Z
    severity = "outage"          # or "at_risk"
    reason = "disks"

An entry that cannot be read spoils the calendar when it names one of our endpoints: half of what is announced would look like all of it. Of all
the other sites in such a calendar none can do that.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import assert_never

from lxml import etree

from ugrpy.announcing.settings import FeedFormat
from ugrpy.announcing.words import Word, parse_time
from ugrpy.core.errors import DataError
from ugrpy.core.safexml import parse_document
from ugrpy.health.notices import NoticeKind
from ugrpy.namespace.model import EndpointId

LONGEST_DESCRIPTION = 300
LATEST_S = 32_503_680_000.0  # the year 3000
_SEVERITIES = {
    "outage": NoticeKind.OUTAGE,
    "severe": NoticeKind.OUTAGE,
    "warning": NoticeKind.AT_RISK,
    "at_risk": NoticeKind.AT_RISK,
    "intermittent outage": NoticeKind.AT_RISK,
    "no significant outage expected": NoticeKind.AT_RISK,
}
_OSG_TIME = re.compile(
    r"([A-Z][a-z]{2} \d{1,2}, \d{4}) (\d{1,2}):(\d{2})(?: ([AP])M)? UTC", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One downtime. ``names`` are all that it may be known by, in lower case: hosts, ``host/service``, resources, endpoints."""

    names: frozenset[str]
    kind: NoticeKind
    start_s: float
    end_s: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that is not understood, and by what names it goes."""

    names: frozenset[str]
    why: str


Entries = tuple[Entry | Unreadable, ...]


def parse_calendar(data: bytes, form: FeedFormat) -> Entries:
    """All entries. Raises ``DataError`` for what is no calendar of that form."""
    try:
        match form:
            case FeedFormat.GOCDB:
                return tuple(_gocdb(_root(data, "results")))
            case FeedFormat.OSG:
                return tuple(_osg(_root(data, "Downtimes")))
            case FeedFormat.SIMPLE:
                return tuple(_simple(data))
            case _:
                assert_never(form)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(f"no calendar of downtimes: {error}") from error


def concerning(
    entries: Entries,
    known_as: Mapping[EndpointId, frozenset[str]],
    feed: str,
    wall: float,
) -> tuple[Word, ...]:
    """What the entries say about our endpoints, past ones left out. Raises ``DataError`` when one of them cannot be understood."""
    words: list[Word] = []
    for entry in entries:
        for endpoint in [e for e, names in known_as.items() if not names.isdisjoint(entry.names)]:
            if isinstance(entry, Unreadable):
                raise DataError(f"what it says of {endpoint} cannot be understood: {entry.why}")
            start_s, end_s = entry.start_s, entry.end_s
            word = Word(endpoint, entry.kind, entry.reason, feed, 0.0, start_s, end_s, True)
            words += [] if word.is_over(wall) else [word]
    return tuple(words)


def _root(data: bytes, tag: str) -> etree._Element:
    root = parse_document(data, "the calendar")
    if root.tag != tag:
        raise DataError(f"a calendar of another kind: <{root.tag}> in place of <{tag}>")
    return root


def _gocdb(root: etree._Element) -> Iterator[Entry | Unreadable]:
    for one in root.iterfind("DOWNTIME"):
        services = [one, *one.iterfind("SERVICES/SERVICE")]
        names = {name for service in services for name in _gocdb_names(service)}
        yield _entry(names, one, _GOCDB)


def _gocdb_names(service: etree._Element) -> Iterator[str]:
    host, kind = _text(service, "HOSTNAME"), _text(service, "SERVICE_TYPE")
    if host:
        yield host
        if kind:
            yield f"{host}/{kind}"


def _osg(root: etree._Element) -> Iterator[Entry | Unreadable]:
    for when in ("CurrentDowntimes", "FutureDowntimes"):
        for one in root.iterfind(f"{when}/Downtime"):
            host = _text(one, "ResourceFQDN")
            names = {host, _text(one, "ResourceName"), _text(one, "ResourceGroup/GroupName")}
            names |= {
                f"{host}/{_text(service, 'Name')}" for service in one.iterfind("Services/Service")
            }
            yield _entry(names, one, _OSG)


def _seconds(text: str) -> float:
    return float(int(text))


def parse_osg_time(text: str) -> float:
    """``Dec 01, 2026 18:00 PM UTC``; of hours before noon with PM it is taken that a clock of twelve hours was meant. Raises ``ValueError``."""
    if (found := _OSG_TIME.fullmatch(text)) is None:
        raise ValueError(f"a time that cannot be read: {text!r}")
    day, hour, minute, half = found.groups()
    hours = int(hour) + (12 if half == "P" and int(hour) < 12 else 0)
    at = datetime.strptime(f"{day} {hours:02}:{minute} +0000", "%b %d, %Y %H:%M %z")
    return at.timestamp()


def _simple(data: bytes) -> Iterator[Entry]:
    text = data.decode()
    document = (
        json.loads(text)
        if text.lstrip()[:1] in ("{", "[") and _is_json(text)
        else tomllib.loads(text)
    )
    listed = document["downtimes"] if isinstance(document, dict) else document
    for one in listed:
        unknown = set(one) - {"endpoint", "host", "from", "until", "severity", "reason"}
        if unknown:
            raise ValueError(f"keys that say nothing here: {', '.join(sorted(unknown))}")
        names = {str(one[key]) for key in ("endpoint", "host") if key in one}
        if not names:
            raise ValueError("an entry names its endpoint or host")
        severity, why = str(one.get("severity", "outage")), str(one.get("reason", ""))
        yield _checked(names, severity, _moment(one["from"]), _moment(one["until"]), why)


def _is_json(text: str) -> bool:
    """A TOML file may begin with a bracket, too."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _moment(written: object) -> float:
    match written:
        case datetime():
            return (written if written.tzinfo else written.replace(tzinfo=UTC)).timestamp()
        case date():
            return datetime(written.year, written.month, written.day, tzinfo=UTC).timestamp()
        case bool():
            raise ValueError("a time is no truth value")
        case int() | float():
            return float(written)
        case _:
            return parse_time(str(written))


def _entry(names: set[str], one: etree._Element, form: "_Form") -> Entry | Unreadable:
    try:
        start_s, end_s = (form.parse_time(_text(one, tag)) for tag in (form.start, form.end))
        return _checked(names, _text(one, form.severity), start_s, end_s, _text(one, form.reason))
    except (ValueError, OverflowError) as error:
        return Unreadable(_known(names), str(error))


@dataclass(frozen=True, slots=True)
class _Form:
    """Which elements of an entry say what, and how its times are written."""

    severity: str
    start: str
    end: str
    reason: str
    parse_time: Callable[[str], float]


_GOCDB = _Form("SEVERITY", "START_DATE", "END_DATE", "DESCRIPTION", _seconds)
_OSG = _Form("Severity", "StartTime", "EndTime", "Description", parse_osg_time)


def _checked(names: set[str], severity: str, start_s: float, end_s: float, why: str) -> Entry:
    kind = _SEVERITIES.get(severity.casefold())
    if kind is None:
        raise ValueError(f"a severity that is not known here: {severity!r}")
    if not start_s < end_s:
        raise ValueError("a downtime that ends before it begins")
    if not 0 <= start_s < end_s <= LATEST_S:
        raise ValueError("a time beyond all sense")
    words = "".join(c if c.isprintable() else " " for c in why)
    return Entry(_known(names), kind, start_s, end_s, " ".join(words.split())[:LONGEST_DESCRIPTION])


def _known(names: set[str]) -> frozenset[str]:
    return frozenset(name.casefold() for name in names if name)


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
