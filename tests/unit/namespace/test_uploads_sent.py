"""What became of an upload that went through the gateway, and what is seen of it meanwhile?"""

from dataclasses import replace

import pytest

from ugrpy.namespace.changes import Fingerprint, Passage, Progress, Sent, Upload, sent_progress
from ugrpy.namespace.model import Absent, Cause, Denied, EndpointId, Entry, Found, Kind, Unknown
from ugrpy.namespace.overlay import Overlay

A = EndpointId("a")
NEW = Upload("/f", "1", A, 0.0, 600.0, size_bytes=10, passage=Passage.STREAMED)
OLD = Fingerprint(10, 5)
OVER = replace(NEW, before=OLD)
OPEN = replace(NEW, size_bytes=None)


def found(size_bytes: int | None, mtime_s: int = 9) -> Found:
    return Found(Entry("f", Kind.FILE, size_bytes, mtime_s))


SILENT = Unknown(Cause.TIMEOUT)
COMPLETE, BROKEN = Progress.COMPLETE, Progress.BROKEN
NOTHING, WAITING = Progress.NOTHING_CAME, Progress.WAITING


@pytest.mark.parametrize(
    ("upload", "said", "stored", "everything", "part"),
    [
        (NEW, found(10), COMPLETE, COMPLETE, BROKEN),
        (NEW, found(9), BROKEN, BROKEN, BROKEN),
        (NEW, found(None), COMPLETE, COMPLETE, BROKEN),
        (OPEN, found(3), COMPLETE, COMPLETE, BROKEN),
        # the old copy still stands there; of the same length within the same second only the storage's word tells
        (OVER, found(10, 5), COMPLETE, NOTHING, NOTHING),
        (OVER, found(10, 6), COMPLETE, COMPLETE, BROKEN),
        (OVER, found(7, 6), BROKEN, BROKEN, BROKEN),
        (replace(OVER, before=Fingerprint(4, 5)), found(4, 5), NOTHING, NOTHING, NOTHING),
        (NEW, Absent(), NOTHING, NOTHING, NOTHING),
        (NEW, Found(Entry("f", Kind.COLLECTION)), NOTHING, NOTHING, NOTHING),
        (NEW, SILENT, COMPLETE, WAITING, WAITING),
        (NEW, Denied(403), COMPLETE, WAITING, WAITING),
    ],
)
def test_how_it_ended(upload, said, stored, everything, part):
    assert sent_progress(upload, said, Sent.STORED) is stored
    assert sent_progress(upload, said, Sent.ALL) is everything
    assert sent_progress(upload, said, Sent.PART) is part


@pytest.mark.parametrize("passage", [Passage.STREAMED, Passage.BROKEN_OFF])
@pytest.mark.parametrize("upload", [NEW, OPEN])
def test_nothing_of_it_is_seen_before_it_is_whole(passage, upload):
    """Some storages show an upload while it grows; of an unknown length nobody else could tell."""
    overlay = Overlay()
    overlay.put("/f", replace(upload, passage=passage), ())
    for size_bytes in (0, 9, 10, None):
        assert overlay.seen("/f", A, found(size_bytes)) == Absent()
    overlay.put("/f", None, ())
    assert overlay.seen("/f", A, found(10)) == found(10)


def test_the_old_copy_at_the_target_is_seen_until_the_new_one_is_there():
    overlay = Overlay()
    overlay.put("/f", OVER, ())
    assert overlay.seen("/f", A, found(10, 5)) == found(10, 5)
    assert overlay.seen("/f", A, found(10, 6)) == Absent()


def test_of_a_redirected_upload_of_unknown_length_what_is_there_is_seen():
    overlay = Overlay()
    overlay.put("/f", replace(OPEN, passage=Passage.REDIRECTED), ())
    assert overlay.seen("/f", A, found(3)) == found(3)
