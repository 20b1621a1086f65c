"""The page of the changes under way: each kind whole, bounded, and JSON whatever the names are."""

import json
import os

from ugrpy.changing.owners import numbered
from ugrpy.changing.report import render_report
from ugrpy.journal.base import Recorded
from ugrpy.namespace.changes import (
    Fingerprint,
    Operation,
    OperationKind,
    Removal,
    Upload,
    Why,
)
from ugrpy.namespace.model import Digest, EndpointId, Kind

UVIC, CERN = EndpointId("uvic"), EndpointId("cern")
SINCE_S = 1_800_000_000.0
TIMES = {"since": "2027-01-15T08:00:00Z", "until": "2027-01-15T08:10:00Z"}
KNOWN = {"size_bytes": 7, "changed": "2027-01-15T07:59:00Z"}
FINGERPRINT = Fingerprint(7, int(SINCE_S) - 60)


def removal(number: int, known: Fingerprint = FINGERPRINT) -> Removal:
    since_s = SINCE_S - number
    return Removal(f"/{number}", CERN, known, Why.DELETED, since_s, SINCE_S + 600)


def operation(number: str) -> Operation:
    steps = ((UVIC, FINGERPRINT), (CERN, Fingerprint()))
    return Operation(
        number, OperationKind.MOVE, "/a", "/b", Kind.FILE, steps, SINCE_S, SINCE_S + 600
    )


def test_nothing_is_told_as_such():
    assert render_report(Recorded()) == {
        "counts": {"uploads": 0, "removals": 0, "operations": 0},
        "uploads": [],
        "removals": [],
        "operations": [],
    }


def test_an_upload_with_all_that_is_known_of_it():
    upload = Upload(
        "/a/f",
        "number",
        UVIC,
        SINCE_S,
        SINCE_S + 600,
        size_bytes=9,
        before=FINGERPRINT,
        others=((CERN, FINGERPRINT),),
        digests=(Digest("md5", "9001"),),
    )
    assert render_report(Recorded(uploads=(upload,)))["uploads"] == [
        {
            "path": "/a/f",
            "endpoint": "uvic",
            **TIMES,
            "size_bytes": 9,
            "digests": ["md5=9001"],
            "stood_there": KNOWN,
            "replaces": [{"endpoint": "cern", "known": KNOWN}],
        }
    ]


def test_a_copy_that_must_go_says_what_becomes_of_it():
    unknown = Fingerprint(7, None)
    told = render_report(Recorded(removals=(removal(0), removal(1, unknown))))["removals"]
    assert told == [
        {
            "path": "/1",
            "endpoint": "cern",
            "since": "2027-01-15T07:59:59Z",
            "until": TIMES["until"],
            "why": "deleted",
            "known": {"size_bytes": 7, "changed": None},
            "then": "shown again, since nothing is known of it",
        },
        {
            "path": "/0",
            "endpoint": "cern",
            **TIMES,
            "why": "deleted",
            "known": KNOWN,
            "then": "removed",
        },
    ]


def test_an_operation_says_whether_anybody_is_at_work_on_it():
    living, dead = operation(numbered()), operation(f"{os.getpid()}.1.x")
    told = render_report(Recorded(operations=(living, dead)))["operations"]
    assert isinstance(told, list)
    assert [one.pop("state") for one in told] == ["under way", "to be completed"]
    assert told[0] == {
        "path": "/a",
        "target": "/b",
        "verb": "move",
        "kind": "file",
        **TIMES,
        "endpoints": [
            {"endpoint": "uvic", "known": KNOWN},
            {"endpoint": "cern", "known": {"size_bytes": None, "changed": None}},
        ],
        "away": [],
    }


def test_the_oldest_are_told_and_all_are_counted():
    told = render_report(Recorded(removals=tuple(map(removal, range(5)))), most=2)
    assert told["counts"] == {"uploads": 0, "removals": 5, "operations": 0}
    removals = told["removals"]
    assert isinstance(removals, list)
    assert [one["path"] for one in removals] == ["/4", "/3"]


def test_names_that_are_no_text_are_json_all_the_same():
    upload = Upload("/\udcff\u00e9", "number", UVIC, SINCE_S, SINCE_S + 600)
    text = json.dumps(render_report(Recorded(uploads=(upload,))), ensure_ascii=False)
    assert text.encode("utf-8").decode() == text
    assert "/\\\\xff\u00e9" in text
