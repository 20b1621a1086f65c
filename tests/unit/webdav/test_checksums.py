"""Checksums in storages' private properties and in the heads of their answers."""

import pytest

from ugrpy.namespace.model import Digest
from ugrpy.webdav.checksums import parse_checksums


@pytest.mark.parametrize(
    ("text", "digests"),
    [
        ("adler32=03da0195", [Digest("adler32", "03da0195")]),
        (
            "md5=kAFQmDzST7DWlj99KOF/cg==,adler32=3DA0195",
            [Digest("adler32", "03da0195"), Digest("md5", "900150983cd24fb0d6963f7d28e17f72")],
        ),
        (
            "SHA1:a9993e364706816aba3e25717850c26c9cd0d89d MD5:900150983CD24FB0D6963F7D28E17F72 ADLER32:024d0127",
            [
                Digest("adler32", "024d0127"),
                Digest("md5", "900150983cd24fb0d6963f7d28e17f72"),
                Digest("sha-1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ],
        ),
        (
            "MD5=900150983cd24fb0d6963f7d28e17f72,md5=" + "0" * 32,
            [Digest("md5", "900150983cd24fb0d6963f7d28e17f72")],
        ),
        ("md5=abcd", []),
        ("md5=0123456789abcdef", []),
        ("sha-256=A=", []),
        ("whirlpool=00", []),
        ("adler32=0123456789", []),
        ("", []),
    ],
)
def test_checksums_are_read_and_the_unreadable_left_out(text, digests):
    assert parse_checksums(text) == tuple(digests)
