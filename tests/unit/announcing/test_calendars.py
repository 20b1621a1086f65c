"""Calendars of downtimes, whole and broken."""

import json

import pytest

from ugrpy.announcing.calendars import (
    Entry,
    Unreadable,
    concerning,
    parse_calendar,
    parse_osg_time,
)
from ugrpy.announcing.settings import FeedFormat
from ugrpy.announcing.words import Word, parse_time
from ugrpy.core.errors import DataError
from ugrpy.health.notices import NoticeKind
from ugrpy.namespace.model import EndpointId

UVIC, CERN = EndpointId("uvic"), EndpointId("cern")
START_S, END_S = parse_time("2026-12-01T18:00Z"), parse_time("2026-12-01T20:00Z")

# in the shape of https://goc.egi.eu/gocdbpi/public/?method=get_downtime
GOCDB = f"""<?xml version="1.0" encoding="UTF-8"?>
<results>
  <DOWNTIME ID="33001" PRIMARY_KEY="123456G0" CLASSIFICATION="SCHEDULED">
    <PRIMARY_KEY>123456G0</PRIMARY_KEY>
    <HOSTNAME>SE1.example.org</HOSTNAME>
    <SERVICE_TYPE>webdav</SERVICE_TYPE>
    <ENDPOINT>se1.example.orgwebdav</ENDPOINT>
    <HOSTED_BY>EXAMPLE-SITE</HOSTED_BY>
    <GOCDB_PORTAL_URL>https://goc.example.org/portal/?id=33001</GOCDB_PORTAL_URL>
    <AFFECTED_ENDPOINTS/>
    <SEVERITY>OUTAGE</SEVERITY>
    <DESCRIPTION>Migration of
      the   namespace</DESCRIPTION>
    <INSERT_DATE>1700000000</INSERT_DATE>
    <START_DATE>{int(START_S)}</START_DATE>
    <END_DATE>{int(END_S)}</END_DATE>
    <FORMATED_START_DATE>2026-12-01 18:00</FORMATED_START_DATE>
    <FORMATED_END_DATE>2026-12-01 20:00</FORMATED_END_DATE>
  </DOWNTIME>
</results>""".encode()

NESTED = f"""<results>
  <DOWNTIME ID="33002" PRIMARY_KEY="123457G0" CLASSIFICATION="UNSCHEDULED">
    <SEVERITY>WARNING</SEVERITY><DESCRIPTION>network</DESCRIPTION>
    <START_DATE>{int(START_S)}</START_DATE><END_DATE>{int(END_S)}</END_DATE>
    <SERVICES>
      <SERVICE><PRIMARY_KEY>1G0</PRIMARY_KEY><HOSTNAME>se1.example.org</HOSTNAME><SERVICE_TYPE>webdav</SERVICE_TYPE></SERVICE>
      <SERVICE><PRIMARY_KEY>2G0</PRIMARY_KEY><HOSTNAME>ce1.example.org</HOSTNAME><SERVICE_TYPE>org.opensciencegrid.htcondorce</SERVICE_TYPE></SERVICE>
    </SERVICES>
  </DOWNTIME>
</results>""".encode()

# in the shape of https://topology.opensciencegrid.org/rgdowntime/xml
OSG = b"""<?xml version="1.0" encoding="UTF-8"?>
<Downtimes xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="https://topology.opensciencegrid.org/schema/rgdowntime.xsd">
  <PastDowntimes><Downtime><ResourceName>OLD</ResourceName></Downtime></PastDowntimes>
  <CurrentDowntimes/>
  <FutureDowntimes>
    <Downtime>
      <ID>1005710</ID><Class>SCHEDULED</Class><Severity>Outage</Severity>
      <ResourceGroup><GroupName>Example-RG</GroupName><GroupID>1</GroupID></ResourceGroup>
      <ResourceName>EXAMPLE_ORIGIN</ResourceName><ResourceFQDN>origin.example.edu</ResourceFQDN><ResourceID>2</ResourceID>
      <StartTime>Dec 01, 2026 18:00 PM UTC</StartTime><EndTime>Dec 01, 2026 20:00 PM UTC</EndTime>
      <Services><Service><ID>146</ID><Name>XRootD origin server</Name><Description/></Service></Services>
      <Description>Power works</Description>
    </Downtime>
  </FutureDowntimes>
</Downtimes>"""

TOML = b"""
[[downtimes]]
endpoint = "uvic"
from = 2026-12-01T18:00:00Z
until = 2026-12-01T20:00:00Z
severity = "at_risk"
reason = "disks"
"""


def names(*these: str) -> frozenset[str]:
    return frozenset(these)


def outage(reason: str, *known_by: str) -> Entry:
    return Entry(names(*known_by), NoticeKind.OUTAGE, START_S, END_S, reason)


@pytest.mark.parametrize(
    ("form", "data", "expected"),
    [
        (
            FeedFormat.GOCDB,
            GOCDB,
            outage("Migration of the namespace", "se1.example.org", "se1.example.org/webdav"),
        ),
        (
            FeedFormat.GOCDB,
            NESTED,
            Entry(
                names(
                    "se1.example.org",
                    "se1.example.org/webdav",
                    "ce1.example.org",
                    "ce1.example.org/org.opensciencegrid.htcondorce",
                ),
                NoticeKind.AT_RISK,
                START_S,
                END_S,
                "network",
            ),
        ),
        (
            FeedFormat.OSG,
            OSG,
            outage(
                "Power works",
                "example-rg",
                "example_origin",
                "origin.example.edu",
                "origin.example.edu/xrootd origin server",
            ),
        ),
        (
            FeedFormat.SIMPLE,
            TOML,
            Entry(names("uvic"), NoticeKind.AT_RISK, START_S, END_S, "disks"),
        ),
        (
            FeedFormat.SIMPLE,
            json.dumps(
                {"downtimes": [{"host": "H", "from": START_S, "until": "2026-12-01T20:00Z"}]}
            ).encode(),
            outage("", "h"),
        ),
        (
            FeedFormat.SIMPLE,
            b'[{"host": "h", "from": "2026-12-01T18:00", "until": "2026-12-01T20:00"}]',
            outage("", "h"),
        ),
    ],
)
def test_what_calendars_say(form, data, expected):
    assert parse_calendar(data, form) == (expected,)


def test_empty_calendars():
    assert parse_calendar(b"<results/>", FeedFormat.GOCDB) == ()
    assert parse_calendar(b"<Downtimes/>", FeedFormat.OSG) == ()
    assert parse_calendar(b"downtimes = []", FeedFormat.SIMPLE) == ()
    day = b"[[downtimes]]\nhost = 'h'\nfrom = 2026-12-01\nuntil = 2026-12-02\n"
    (entry,) = parse_calendar(day, FeedFormat.SIMPLE)
    assert isinstance(entry, Entry)
    assert entry.end_s - entry.start_s == 86400


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (FeedFormat.GOCDB, b""),
        (FeedFormat.GOCDB, b"<results>"),
        (FeedFormat.GOCDB, b"<html/>"),
        (FeedFormat.GOCDB, OSG),
        (FeedFormat.GOCDB, b'<!DOCTYPE results [<!ENTITY a "b">]><results>&a;</results>'),
        (FeedFormat.OSG, GOCDB),
        (FeedFormat.SIMPLE, b"\xff"),
        (FeedFormat.SIMPLE, b"[[downtimes]"),
        (FeedFormat.SIMPLE, b"7"),
        (FeedFormat.SIMPLE, b"x = 1"),
        (FeedFormat.SIMPLE, b'{"downtimes": [1]}'),
        (FeedFormat.SIMPLE, b"[" * 100_000),
        (FeedFormat.SIMPLE, TOML + b'color = "red"\n'),
        (FeedFormat.SIMPLE, TOML.replace(b"at_risk", b"mild")),
        (FeedFormat.SIMPLE, TOML.replace(b"endpoint", b"reason2")),
        (FeedFormat.SIMPLE, TOML.replace(b"20:00:00Z", b"10:00:00Z")),
        (FeedFormat.SIMPLE, b'[{"host": "h", "from": true, "until": 1}]'),
        (FeedFormat.SIMPLE, b'[{"host": "h", "from": -5, "until": 1}]'),
    ],
)
def test_no_calendars(form, data):
    with pytest.raises(DataError):
        parse_calendar(data, form)


@pytest.mark.parametrize(
    "spoilt",
    [
        GOCDB.replace(b"OUTAGE", b"MAYBE"),
        GOCDB.replace(b"<START_DATE>", b"<START_DATE>x"),
        GOCDB.replace(b"END_DATE>", b"LAST_DATE>"),
    ],
)
def test_an_entry_that_is_not_understood_spoils_a_calendar_for_those_it_names(spoilt):
    entries = parse_calendar(spoilt, FeedFormat.GOCDB)
    (entry,) = entries
    assert isinstance(entry, Unreadable)
    others = {CERN: names("se2.example.org")}
    assert concerning(entries, others, "gocdb", 0.0) == ()
    ours = {UVIC: names("se1.example.org/webdav")}
    with pytest.raises(DataError, match="what it says of uvic cannot be understood"):
        concerning(entries, ours, "gocdb", 0.0)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Dec 01, 2026 18:00 PM UTC", "2026-12-01T18:00Z"),
        ("Dec 01, 2026 06:00 PM UTC", "2026-12-01T18:00Z"),
        ("Dec 1, 2026 06:05 AM UTC", "2026-12-01T06:05Z"),
        ("Dec 01, 2026 12:00 PM UTC", "2026-12-01T12:00Z"),
        ("Dec 01, 2026 00:30 AM UTC", "2026-12-01T00:30Z"),
        ("Dec 01, 2026 18:00 UTC", "2026-12-01T18:00Z"),
    ],
)
def test_times_of_osg(text, meant):
    assert parse_osg_time(text) == parse_time(meant)


@pytest.mark.parametrize("text", ["", "Dec 01, 2026", "Dec 41, 2026 18:00 PM UTC", "x"])
def test_no_times_of_osg(text):
    with pytest.raises(ValueError, match="time"):
        parse_osg_time(text)


def test_entries_are_matched_by_any_name_and_past_ones_left_out():
    entries = parse_calendar(GOCDB, FeedFormat.GOCDB)
    known_as = {UVIC: names("uvic", "se1.example.org"), CERN: names("cern", "se2.example.org")}
    (word,) = concerning(entries, known_as, "gocdb", START_S)
    assert word == Word(
        UVIC,
        NoticeKind.OUTAGE,
        "Migration of the namespace",
        "gocdb",
        0.0,
        START_S,
        END_S,
        announced=True,
    )
    assert concerning(entries, known_as, "gocdb", END_S) == ()
    assert concerning(entries, {UVIC: names("se1.example.org/srm")}, "gocdb", START_S) == ()
