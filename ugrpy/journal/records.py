"""How is a change under way written down?

As one JSON object with short keys, in ASCII: paths may hold bytes that are not UTF-8 (as lone surrogates), which JSON's escapes carry.

    {"path":"/a/f","number":"5f…","target":"cern","since_s":1.0,"until_s":2.0,"size_bytes":7,"before":[7,1700000000],"others":[["uvic",[7,null]]],"deleted":[],"digests":[["md5","9001…"]],"passage":"redirected","earlier_sizes":[6,null],"outdated":false,"part":null}
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from types import NoneType
from typing import Any

from ugrpy.core.errors import DataError
from ugrpy.namespace.changes import (
    Fingerprint,
    Operation,
    OperationKind,
    Passage,
    Record,
    Removal,
    Upload,
    Why,
)
from ugrpy.namespace.model import Digest, EndpointId, Kind

_NUMBER = (int, float)
_SIZE = (int, NoneType)
# What JSON has for each field, whichever record it is in.
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "path": str,
    "number": str,
    "target": str,
    "endpoint": str,
    "since_s": _NUMBER,
    "until_s": _NUMBER,
    "size_bytes": _SIZE,
    "others": list,
    "deleted": list,
    "digests": list,
    "steps": list,
    "away": list,
    "earlier_sizes": list,
    "outdated": bool,
}


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
                "before": _known(values["before"]),
                "others": _steps(values["others"]),
                "deleted": tuple(EndpointId(_text(name)) for name in values["deleted"]),
                "digests": tuple(
                    Digest(_text(name), _text(value)) for name, value in values["digests"]
                ),
                "earlier_sizes": tuple(map(_size, values.get("earlier_sizes", ()))),
                "part": _known(values.get("part")),
                "passage": Passage(values.get("passage", Passage.REDIRECTED)),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("an upload", text) from error


def parse_removal(text: str) -> Removal:
    """Raises ``DataError`` for what ``render_record`` did not write."""
    values = _object(text)
    try:
        return Removal(
            **values
            | {
                "endpoint": EndpointId(values["endpoint"]),
                "known": _fingerprint(values["known"]),
                "why": Why(values["why"]),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("a removal", text) from error


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
                "away": _steps(values.get("away", [])),
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable("an operation", text) from error


def _object(text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise _unreadable("a record", text) from error
    if not isinstance(values, dict):
        raise _unreadable("a record", text)
    for name, kind in _TYPES.items():
        if name in values and not isinstance(values[name], kind):
            raise _unreadable("a record", text)
    return values


def _steps(values: list[Any]) -> tuple[tuple[EndpointId, Fingerprint], ...]:
    return tuple((EndpointId(_text(name)), _fingerprint(known)) for name, known in values)


def _known(values: list[Any] | None) -> Fingerprint | None:
    return None if values is None else _fingerprint(values)


def _fingerprint(values: list[Any]) -> Fingerprint:
    size_bytes, mtime_s = values
    if not (isinstance(size_bytes, _SIZE) and isinstance(mtime_s, _SIZE)):
        raise TypeError("neither a size nor a date")
    return Fingerprint(size_bytes, mtime_s)


def _size(value: object) -> int | None:
    if not isinstance(value, _SIZE):
        raise TypeError("not a size")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _unreadable(what: str, text: str) -> DataError:
    return DataError(f"the journal holds {what} that cannot be read", seen=text[:200])
