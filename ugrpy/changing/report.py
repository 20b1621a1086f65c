"""What is an operator told of the changes under way?

All that is written down and has not come to its end: a name whose storages differ is in here, or in the log that says why it was left so.
The oldest come first, and no more than ``most`` of each kind; the counts say how many there are.

    {"counts": {"uploads": 1, "removals": 0, "operations": 0},
     "uploads": [{"path": "/a/f", "endpoint": "cern", "since": "2026-11-30T12:00:00Z", "until": "2026-11-30T12:10:00Z", "size_bytes": 7, ...}],
     "removals": [], "operations": []}
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar

from ugrpy.changing.owners import is_orphan
from ugrpy.journal.base import Recorded
from ugrpy.namespace.changes import Fingerprint, Operation, Removal, Upload
from ugrpy.namespace.model import EndpointId

MOST = 1000

R = TypeVar("R", Upload, Removal, Operation)


def render_report(written: Recorded, most: int = MOST) -> dict[str, object]:
    """The page as plain values."""
    return {
        "counts": {
            "uploads": len(written.uploads),
            "removals": len(written.removals),
            "operations": len(written.operations),
        },
        "uploads": [_upload(one) for one in _oldest(written.uploads, most)],
        "removals": [_removal(one) for one in _oldest(written.removals, most)],
        "operations": [_operation(one) for one in _oldest(written.operations, most)],
    }


def _oldest(records: Iterable[R], most: int) -> list[R]:
    return sorted(records, key=lambda one: (one.since_s, one.path))[:most]


def _upload(upload: Upload) -> dict[str, object]:
    return {
        "path": _text(upload.path),
        "endpoint": upload.target,
        **_times(upload),
        "size_bytes": upload.size_bytes,
        "digests": [f"{one.algorithm}={one.value}" for one in upload.digests],
        "stood_there": None if upload.before is None else _known(upload.before),
        "replaces": _steps(upload.others),
    }


def _removal(removal: Removal) -> dict[str, object]:
    return {
        "path": _text(removal.path),
        "endpoint": removal.endpoint,
        **_times(removal),
        "why": removal.why.value,
        "known": _known(removal.known),
        "then": "removed" if removal.known.certain else "shown again, since nothing is known of it",
    }


def _operation(operation: Operation) -> dict[str, object]:
    return {
        "path": _text(operation.path),
        "target": _text(operation.target) or None,
        "verb": operation.verb.value,
        "kind": operation.kind.value,
        **_times(operation),
        "endpoints": _steps(operation.steps),
        "away": _steps(operation.away),
        "state": "to be completed" if is_orphan(operation.number) else "under way",
    }


def _times(record: Upload | Removal | Operation) -> dict[str, object]:
    return {"since": _date(record.since_s), "until": _date(record.until_s)}


def _steps(steps: Iterable[tuple[EndpointId, Fingerprint]]) -> list[dict[str, object]]:
    return [{"endpoint": name, "known": _known(known)} for name, known in steps]


def _known(known: Fingerprint) -> dict[str, object]:
    mtime_s = known.mtime_s
    return {
        "size_bytes": known.size_bytes,
        "changed": None if mtime_s is None else _date(float(mtime_s)),
    }


def _date(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(path: str) -> str:
    """Bytes that are no UTF-8 are shown as such: not every reader of JSON takes lone surrogates."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
