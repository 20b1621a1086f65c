"""Heartbeats that must not count, with the reason each is counted under (row S26)."""

import json
import time

from shoalpy.wire import MAX_BEAT_BYTES, Reason

_FAR = 5e10


def _beat(**said: object) -> bytes:
    beat: dict[str, object] = {
        "uuid": "hostile",
        "hostname": "hostile.example.org",
        "timestamp": time.time(),
        "load": 1.0,
        "cache_port": 3128,
        "public_ip": "192.0.2.66",
        **said,
    }
    beat = {name: value for name, value in beat.items() if value is not ...}
    return json.dumps(beat).encode()


HOSTILE: dict[str, tuple[bytes, Reason]] = {
    "empty": (b"", Reason.NOT_JSON),
    "text": (b"hello", Reason.NOT_JSON),
    "bytes": (b"\xff\xfe\x00{", Reason.NOT_JSON),
    "cut": (_beat()[:-5], Reason.NOT_JSON),
    "deep": (b"[" * 5000, Reason.NOT_JSON),
    "list": (b"[1, 2]", Reason.NOT_AN_OBJECT),
    "null": (b"null", Reason.NOT_AN_OBJECT),
    "huge": (_beat(hostname="x" * MAX_BEAT_BYTES), Reason.TOO_LONG),
    "no key": (_beat(uuid=...), Reason.MISSING_FIELD),
    "no host": (_beat(hostname=...), Reason.MISSING_FIELD),
    "no time": (_beat(timestamp=...), Reason.MISSING_FIELD),
    "no load": (_beat(load=...), Reason.MISSING_FIELD),
    "no port": (_beat(cache_port=...), Reason.MISSING_FIELD),
    "number as key": (_beat(uuid=7), Reason.BAD_KEY),
    "path as key": (_beat(uuid="../../etc/passwd"), Reason.BAD_KEY),
    "long key": (_beat(uuid="k" * 129), Reason.BAD_KEY),
    "quote in host": (_beat(hostname='a";alert(1);"'), Reason.BAD_HOSTNAME),
    "tag in host": (_beat(hostname="<script>alert(1)</script>"), Reason.BAD_HOSTNAME),
    "line in host": (_beat(hostname="a\r\nX: y"), Reason.BAD_HOSTNAME),
    "object as host": (_beat(hostname={"a": 1}), Reason.BAD_HOSTNAME),
    "port 0": (_beat(cache_port=0), Reason.BAD_PORT),
    "port too high": (_beat(cache_port=65536), Reason.BAD_PORT),
    "shell in port": (_beat(cache_port="3128; id"), Reason.BAD_PORT),
    "true as port": (_beat(cache_port=True), Reason.BAD_PORT),
    "text as load": (_beat(load="12"), Reason.BAD_NUMBER),
    "NaN": (_beat(load=float("nan")), Reason.BAD_NUMBER),
    "infinite": (_beat(load=float("inf")), Reason.BAD_NUMBER),
    "negative": (_beat(load=-1), Reason.BAD_NUMBER),
    "endless integer": (_beat(load=10**400), Reason.BAD_NUMBER),
    "text as time": (_beat(timestamp="now"), Reason.BAD_NUMBER),
    "capacity is no number": (_beat(max_load="much"), Reason.BAD_NUMBER),
    "capacity is NaN": (_beat(max_load=float("nan")), Reason.BAD_NUMBER),
    "capacity is true": (_beat(max_load=True), Reason.BAD_NUMBER),
    "every address": (_beat(public_ip="0.0.0.0"), Reason.BAD_ADDRESS),
    "text behind an address": (_beat(public_ip="fe80::1%$(id)"), Reason.BAD_ADDRESS),
    "shell in address": (_beat(public_ip="1.2.3.4; touch /tmp/x"), Reason.BAD_ADDRESS),
    "command in address": (_beat(public_ip="$(id)"), Reason.BAD_ADDRESS),
    "address is a list": (_beat(private_ip=["10.0.0.1"]), Reason.BAD_ADDRESS),
    "unknown type": (_beat(cache_type="nginx"), Reason.BAD_TYPE),
    "list as upstream": (_beat(upstream=["cvmfs"]), Reason.BAD_TYPE),
    "no address": (_beat(public_ip=...), Reason.NO_ADDRESS),
    "old": (_beat(timestamp=1000.0), Reason.TOO_OLD),
    "from the future": (_beat(timestamp=_FAR), Reason.FROM_THE_FUTURE),
}

# Odd, and taken all the same: capacities that cannot be count as not said (reference section 4, a network card that says -1).
ODD_CAPACITIES = (-112, 0, 10**300, 1e300, "122000", "-1")
