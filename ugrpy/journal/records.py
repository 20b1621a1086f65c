"""How is a change under way written down?

As one JSON object with short keys, in ASCII: paths may hold bytes that are not UTF-8 (as lone surrogates), which JSON's escapes carry.

    {"path":"/a/f","number":"5f…","target":"cern","since_s":1.0,"until_s":2.0,"size_bytes":7,"before":[7,1700000000],"others":[["uvic",[7,null]]],"deleted":[],"digests":[["md5","9001…"]]}
"""

import json
from dataclasses import fields
from typing import Any

from ugrpy.core.errors import DataError
from ugrpy.namespace.changes import (
    Fingerprint,
    Operation,
    OperationKind,
    Record,
    Removal,
    Upload,
    Why,
)
from ugrpy.namespace.model import Digest, EndpointId, Kind


def render_record(record: Record) -> str:
    """The text of a record."""
    values = {part.name: _plain(getattr(record, part.name)) for part in fields(record)}
    return json.dumps(values, separators=(",", ":"))


def _plain(value: object) -> object:
    match value:
        case Fingerprint(size_bytes, mtime_s):
            return [size_bytes, mtime_s]
        case Digest(algorithm, text):
            return [algorithm, text]
        case tuple():
            return [_plain(one) for one in value]
        case _:
            return value


def parse_upload(text: str) -> Upload:
    """Raises ``DataError`` for what ``render_record`` did not write."""
    values = _object(text)
    try:
        return Upload(
            **values
            | {
                "target": EndpointId(values["target"]),
                "before": None if values["before"] is None else Fingerprint(*values["before"]),
                "others": _steps(values["others"]),
                "deleted": tuple(EndpointId(name) for name in values["deleted"]),
                "digests": tuple(Digest(*one) for one in values["digests"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("upload", text) from error


def parse_removal(text: str) -> Removal:
    """Raises ``DataError`` for what ``render_record`` did not write."""
    values = _object(text)
    try:
        return Removal(
            **values
            | {
                "endpoint": EndpointId(values["endpoint"]),
                "known": Fingerprint(*values["known"]),
                "why": Why(values["why"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("removal", text) from error


def parse_operation(text: str) -> Operation:
    """Raises ``DataError`` for what ``render_record`` did not write."""
    values = _object(text)
    try:
        return Operation(
            **values
            | {
                "verb": OperationKind(values["verb"]),
                "kind": Kind(values["kind"]),
                "steps": _steps(values["steps"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("operation", text) from error


def _object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise _unreadable("record", text) from error
    if not isinstance(values, dict):
        raise _unreadable("record", text)
    return values


def _steps(values: list[Any]) -> tuple[tuple[EndpointId, Fingerprint], ...]:
    return tuple((EndpointId(name), Fingerprint(*known)) for name, known in values)


def _unreadable(what: str, text: str) -> DataError:
    return DataError(f"the journal holds an {what} that cannot be read", seen=text[:200])
