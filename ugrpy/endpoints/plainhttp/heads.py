"""How long is a file, by the head of an answer to HEAD or to GET of its first byte?

::

    200  Content-Length: 1234                        the whole
    206  Content-Range: bytes 0-0/1234               its first byte (RFC 9110 section 14.4)
    206  Content-Range: bytes 0-0/*                  its first byte, the rest unknown
    416  Content-Range: bytes */0                    it has no first byte: it is empty
"""

import re
from collections.abc import Mapping

_RANGE = re.compile(r"\s*bytes\s+(?:0-0|\*)/(?P<total>[0-9]{1,18}|\*)\s*", re.ASCII | re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


def is_first_byte(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the answer is that of a file to a request for its first byte."""
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    if status == 416:
        return match is not None and match["total"].strip("0") == ""
    return status == 206 and match is not None


def size_of(headers: Mapping[str, str]) -> int | None:
    """The length in bytes, or ``None`` when it is not told; what is encoded has another length than the file."""
    if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        return None
    if (said := headers.get("Content-Range")) is not None:
        match = _RANGE.fullmatch(said)
        return int(match["total"]) if match is not None and match["total"] != "*" else None
    length = headers.get("Content-Length", "").strip()
    return int(length) if _LENGTH.fullmatch(length) else None
