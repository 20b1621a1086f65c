"""Changes under way, case by case: how far an upload is, and what becomes of a copy that must go."""

from typing import Any

import pytest

from ugrpy.namespace.changes import (
    DAY_S,
    STEADY_S,
    ChangePolicy,
    Fingerprint,
    Next,
    Progress,
    Removal,
    Upload,
    Why,
    broken,
    following,
    removal_next,
    replaced,
    still_deleted,
    upload_progress,
)
from ugrpy.namespace.model import Absent, Cause, Denied, Digest, EndpointId, Entry, Found, Kind
from ugrpy.namespace.model import Unknown as Silent

CERN, UVIC, TRIUMF = EndpointId("cern"), EndpointId("uvic"), EndpointId("triumf")
OLD, NEW = Fingerprint(7, 100), Fingerprint(9, 200)
UNSURE = Fingerprint(7)
GRACE_S = 600.0
SILENT = Silent(Cause.TIMEOUT)


def found(size_bytes: int | None = 7, mtime_s: int | None = 100) -> Found:
    return Found(Entry("f", Kind.FILE, size_bytes, mtime_s))


COLLECTION = Found(Entry("f", Kind.COLLECTION))


def upload(**values) -> Upload:
    settings: dict[str, Any] = {"path": "/d/f", "number": "1", "target": CERN, "since_s": 0.0}
    return Upload(**settings | {"until_s": GRACE_S} | values)


def removal(known: Fingerprint = OLD) -> Removal:
    return Removal("/d/f", UVIC, known, Why.DELETED, 0.0, 100.0)


# -- fingerprints ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "said", "fits"),
    [
        (OLD, found(), True),
        (OLD, found(8), False),
        (OLD, found(mtime_s=101), False),
        (OLD, found(mtime_s=None), False),
        (UNSURE, found(mtime_s=None), False),
        (Fingerprint(None, 100), found(None), False),
        (Fingerprint(), COLLECTION, False),
    ],
)
def test_a_copy_is_the_one_that_was_known_by_size_and_date(known, said, fits):
    assert known.fits(said.entry) is fits


def test_a_fingerprint_is_taken_from_what_a_storage_says():
    assert Fingerprint.of(found(1, 2).entry) == Fingerprint(1, 2)
    assert not Fingerprint.of(COLLECTION.entry).certain


# -- uploads --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "replaces"),
    [
        ({}, False),
        ({"before": OLD}, True),
        ({"others": ((UVIC, OLD),)}, True),
        ({"others": ((UVIC, OLD),), "deleted": (UVIC,)}, False),
        ({"others": ((TRIUMF, OLD), (UVIC, OLD)), "deleted": (UVIC,)}, True),
        ({"others": ((UVIC, OLD),), "deleted": (UVIC,), "before": OLD}, True),
    ],
)
def test_an_upload_replaces_what_was_there_and_had_not_to_go_already(values, replaces):
    assert upload(**values).replaces is replaces


@pytest.mark.parametrize(
    ("values", "said", "partial"),
    [
        ({"size_bytes": 9}, found(8), True),
        ({"size_bytes": 9}, found(10), True),
        ({"size_bytes": 9}, found(9), False),
        ({"size_bytes": 9}, found(None), False),
        ({}, found(8), False),
        ({"size_bytes": 9, "before": OLD}, found(), False),
        ({"size_bytes": 9, "before": OLD}, found(8), True),
        ({"size_bytes": 0}, found(0), False),
        ({"size_bytes": 9, "earlier_sizes": (7,)}, found(), False),
        ({"size_bytes": 9, "earlier_sizes": (8, None)}, found(), True),
        ({"part": Fingerprint(7, 100)}, found(), True),
        ({"part": Fingerprint(6, 100)}, found(), False),
    ],
)
def test_a_copy_is_half_there_when_it_is_new_and_of_another_length(values, said, partial):
    assert upload(**values).is_partial(said.entry) is partial


IN_TIME_S, OVER_S, SILENT_S = GRACE_S - 1, GRACE_S, 3 * GRACE_S


@pytest.mark.parametrize(
    ("values", "said", "steady_s", "now_s", "progress"),
    [
        # nothing of it is there
        ({}, Absent(), 0, IN_TIME_S, Progress.WAITING),
        ({}, Absent(), 0, OVER_S, Progress.NOTHING_CAME),
        ({}, SILENT, 0, IN_TIME_S, Progress.WAITING),
        ({}, SILENT, 0, SILENT_S - 1, Progress.WAITING),
        ({}, SILENT, 0, SILENT_S, Progress.NOTHING_CAME),
        ({}, Denied(), 0, SILENT_S - 1, Progress.WAITING),
        ({}, Denied(), 0, SILENT_S, Progress.NOTHING_CAME),
        ({}, COLLECTION, 0, IN_TIME_S, Progress.WAITING),
        ({}, COLLECTION, 0, OVER_S, Progress.NOTHING_CAME),
        ({"before": OLD, "size_bytes": 7}, found(), 60, IN_TIME_S, Progress.WAITING),
        ({"before": OLD, "size_bytes": 7}, found(), 60, OVER_S, Progress.NOTHING_CAME),
        # a length was announced
        ({"size_bytes": 7}, found(), 0, 1, Progress.COMPLETE),
        ({"size_bytes": 7}, found(), 0, 10 * OVER_S, Progress.COMPLETE),
        ({"size_bytes": 7, "before": OLD}, found(7, 101), 0, 1, Progress.COMPLETE),
        ({"size_bytes": 9}, found(), 60, IN_TIME_S, Progress.WAITING),
        ({"size_bytes": 9}, found(), GRACE_S - 1, 10 * OVER_S, Progress.WAITING),
        ({"size_bytes": 9}, found(), GRACE_S, 10 * OVER_S, Progress.BROKEN),
        ({"size_bytes": 9}, found(10), GRACE_S, OVER_S, Progress.BROKEN),
        # none was, or the storage tells none
        ({}, found(), STEADY_S - 1, 10 * OVER_S, Progress.WAITING),
        ({}, found(), STEADY_S, 11, Progress.COMPLETE),
        ({"size_bytes": 9}, found(None), STEADY_S - 1, 11, Progress.WAITING),
        ({"size_bytes": 9}, found(None), STEADY_S, 11, Progress.COMPLETE),
        # half of another upload stands there
        ({"part": Fingerprint(7, 100)}, found(), 60, IN_TIME_S, Progress.WAITING),
        ({"part": Fingerprint(7, 100)}, found(), 60, OVER_S, Progress.BROKEN),
        ({"part": Fingerprint(7, 99)}, found(), STEADY_S, IN_TIME_S, Progress.COMPLETE),
        # somebody else was sent there before, who may have written it
        ({"size_bytes": 9, "earlier_sizes": (7,)}, found(), 0, IN_TIME_S, Progress.WAITING),
        ({"size_bytes": 9, "earlier_sizes": (7,)}, found(), 0, OVER_S, Progress.COMPLETE),
        ({"size_bytes": 9, "earlier_sizes": (None,)}, found(), 0, OVER_S, Progress.COMPLETE),
        ({"size_bytes": 9, "earlier_sizes": (8,)}, found(), GRACE_S, OVER_S, Progress.BROKEN),
    ],
)
def test_how_far_an_upload_is(values, said, steady_s, now_s, progress):
    assert upload_progress(upload(**values), said, steady_s, now_s, SILENT_S) is progress


def test_what_follows_an_upload_that_is_over():
    over = upload(others=((TRIUMF, UNSURE), (UVIC, OLD)), deleted=(UVIC,))
    assert replaced(over, 5.0, 9.0) == [
        Removal("/d/f", TRIUMF, UNSURE, Why.REPLACED, 5.0, 9.0),
        Removal("/d/f", UVIC, OLD, Why.REPLACED, 5.0, 9.0),
    ]
    assert still_deleted(over, 5.0, 9.0) == [Removal("/d/f", UVIC, OLD, Why.DELETED, 5.0, 9.0)]
    assert broken(over, found(3, 4).entry, 5.0, 9.0) == [
        Removal("/d/f", CERN, Fingerprint(3, 4), Why.BROKEN, 5.0, 9.0)
    ]


def test_an_upload_after_another_replaces_what_that_one_was_to_replace():
    earlier = upload(others=((TRIUMF, OLD), (UVIC, OLD)), digests=(Digest("md5", "00"),))
    assert following(earlier, {UVIC: NEW}, CERN) == ((TRIUMF, OLD), (UVIC, NEW))
    # to another place: what the first one left where it went is not known
    assert following(earlier, {}, UVIC) == ((CERN, Fingerprint()), (TRIUMF, OLD))
    assert following(earlier, {CERN: NEW}, UVIC) == ((CERN, Fingerprint()), (TRIUMF, OLD))


# -- removals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "said", "now_s", "then"),
    [
        (OLD, Absent(), 0, Next.GONE),
        (OLD, Absent(), 100, Next.GONE),
        (OLD, found(), 99, Next.DELETE),
        (OLD, found(), 100, Next.EXPIRED),
        (OLD, found(8), 0, Next.CHANGED),
        (OLD, found(8), 100, Next.CHANGED),
        (OLD, COLLECTION, 0, Next.CHANGED),
        (UNSURE, found(), 99, Next.UNKNOWN),
        (UNSURE, found(), 100, Next.EXPIRED),
        (OLD, SILENT, 99, Next.WAIT),
        (OLD, SILENT, 100, Next.EXPIRED),
        (UNSURE, Denied(), 99, Next.WAIT),
        (UNSURE, Denied(), 100, Next.EXPIRED),
    ],
)
def test_what_becomes_of_a_copy_that_must_go(known, said, now_s, then):
    assert removal_next(removal(known), said, now_s) is then


@pytest.mark.parametrize(
    ("known", "said", "hidden"),
    [
        (OLD, found(), True),
        (OLD, found(8), False),
        (UNSURE, found(8), True),
        (Fingerprint(), found(None, None), True),
        (Fingerprint(), COLLECTION, False),
    ],
)
def test_readers_do_not_see_a_copy_that_must_go(known, said, hidden):
    assert removal(known).hides(said.entry) is hidden


# -- the policy -----------------------------------------------------------------------------------------


def test_how_long_changes_are_followed_up():
    policy = ChangePolicy(upload_grace_s=60.0, pending_delete_days=2.0)
    assert policy.upload_until_s(1000.0, None) == 1060.0
    assert policy.upload_until_s(1000.0, 5_000_000) == 1065.0
    assert policy.removal_until_s(1000.0) == 1000.0 + 2 * DAY_S
