"""Checksums as clients ask for them and as they are told, in both families of headers."""

import sys
import types

import pytest

from ugrpy.namespace.model import Digest
from ugrpy.webdav.checksums import LENGTHS_BYTES
from ugrpy.webdav.digests import (
    Hasher,
    parse_digest,
    parse_repr_digest,
    parse_want_digest,
    parse_want_repr_digest,
    render_digest,
    render_repr_digest,
)

# Of the text "abc"
ADLER32 = Digest("adler32", "024d0127")
CRC32C = Digest("crc32c", "364b3fb7")
MD5 = Digest("md5", "900150983cd24fb0d6963f7d28e17f72")
SHA1 = Digest("sha-1", "a9993e364706816aba3e25717850c26c9cd0d89d")
SHA256 = Digest("sha-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
SHA512 = Digest(
    "sha-512",
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
)
ALL = (ADLER32, CRC32C, MD5, SHA1, SHA256, SHA512)


@pytest.mark.parametrize(
    ("text", "algorithms"),
    [
        ("adler32", ("adler32",)),
        ("ADLER32", ("adler32",)),
        ("Adler32 , MD5", ("adler32", "md5")),
        ("SHA-512;q=1, SHA-256;q=1, SHA;q=0.1", ("sha-512", "sha-256", "sha-1")),
        ("md5;q=0.3, sha;q=1", ("sha-1", "md5")),
        ("SHA-256; Q=0.5 , md5 ;q = 0.501", ("md5", "sha-256")),
        ("sha1,sha-1;q=0.2,sha;q=0.1", ("sha-1",)),
        ("sha;q=0.1, md5;q=0.2, SHA-1;q=1.000", ("sha-1", "md5")),
        ("adler32;q=0, md5;q=0.0, sha;q=.5", ("sha-1",)),
        ("md5;q=2, sha;q=x, crc32c;q=, adler32;q=1.5", ()),
        ("md5;level=3;q=0.2, crc32c;level=9", ("crc32c", "md5")),
        ("UNIXsum, contentMD5, whirlpool;q=1", ()),
        (",,md5,", ("md5",)),
        ("", ()),
    ],
)
def test_a_want_digest_is_read_in_any_case_with_weights(text, algorithms):
    assert parse_want_digest(text) == algorithms


@pytest.mark.parametrize(
    ("text", "algorithms"),
    [
        ("sha-256=1", ("sha-256",)),
        ("sha-512=3, sha-256=10, unixsum=0", ("sha-256", "sha-512")),
        ("sha=1, md5=1, adler=2, crc32c=0", ("adler32", "sha-1", "md5")),
        ("sha-256=10;a=1", ("sha-256",)),
        ("sha-256=3, md5=5, sha-256=9", ("sha-256", "md5")),
        ("sha-256=11, md5=-1, sha=1.5, adler=?1, sha-512", ()),
        ("sha-256=(1 2)", ()),
        ("SHA-256=1", ()),
        ("sha-256=1,", ()),
        ("sha-256=1;q=\udcff", ()),
        ("adler32=1", ()),
        ("", ()),
    ],
)
def test_a_want_repr_digest_is_read_as_a_structured_field(text, algorithms):
    assert parse_want_repr_digest(text) == algorithms


def test_a_digest_is_written_as_storages_and_grid_clients_agreed():
    assert render_digest(ALL[:4]) == (
        "adler32=024d0127,crc32c=364b3fb7,md5=kAFQmDzST7DWlj99KOF/cg==,"
        "sha=qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
    )
    assert render_digest([SHA256]) == "sha-256=ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    assert render_digest([]) == ""


def test_a_repr_digest_holds_what_has_a_registered_name():
    assert render_repr_digest([SHA256]) == "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"
    assert render_repr_digest([ADLER32, SHA1, Digest("whirlpool", "00")]) == (
        "adler=:Ak0BJw==:, sha=:qZk+NkcGgWq6PiVxeFDCbJzQ2J0=:"
    )
    assert render_repr_digest([Digest("whirlpool", "00")]) == ""
    assert render_repr_digest([]) == ""


def test_both_are_read_back():
    assert parse_digest(render_digest(ALL)) == ALL
    assert parse_repr_digest(render_repr_digest(ALL)) == ALL


@pytest.mark.parametrize(
    ("text", "digests"),
    [
        ("SHA-1=qZk+NkcGgWq6PiVxeFDCbJzQ2J0=, md5=900150983CD24FB0D6963F7D28E17F72", (MD5, SHA1)),
        ("adler32=24d0127", (ADLER32,)),
        ("md5=short", ()),
    ],
)
def test_a_digest_is_read_as_storages_write_it(text, digests):
    assert parse_digest(text) == digests


@pytest.mark.parametrize(
    "text",
    [
        "sha-256=:AAAA:",
        "sha-256=10",
        'sha-256="abc"',
        "sha-256=:not base64:",
        "unixsum=:AAA=:",
        "sha-256=:AAAA:, ,",
    ],
)
def test_a_repr_digest_that_cannot_be_used_says_nothing(text):
    assert parse_repr_digest(text) == ()


@pytest.mark.parametrize("pieces", [[b"abc"], [b"a", b"", b"bc"], [b"a", b"b", b"c"]])
def test_several_checksums_over_pieces(pieces):
    hasher = Hasher(["md5", "adler32", "sha-1", "sha-256", "sha-512", "unixsum"])
    for piece in pieces:
        hasher.update(piece)
    assert hasher.digests() == (MD5, ADLER32, SHA1, SHA256, SHA512)
    assert hasher.algorithms == ("md5", "adler32", "sha-1", "sha-256", "sha-512")


def test_of_nothing_there_is_a_checksum_too():
    assert Hasher(["adler32"]).digests() == (Digest("adler32", "00000001"),)
    empty = Hasher(["unixsum"])
    assert (empty.digests(), repr(empty)) == ((), "<Hasher of nothing>")
    assert repr(Hasher(["md5", "sha-1"])) == "<Hasher md5, sha-1>"


def crc32c(piece: bytes, value: int = 0) -> int:
    """Bit by bit (RFC 9260 appendix A): what the library does, slowly."""
    value ^= 0xFFFFFFFF
    for byte in piece:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def test_crc32c_is_computed_where_its_library_is(monkeypatch):
    library = types.ModuleType("crc32c")
    monkeypatch.setattr(library, "crc32c", crc32c, raising=False)
    monkeypatch.setitem(sys.modules, "crc32c", library)
    hasher = Hasher(["crc32c"])
    hasher.update(b"a")
    hasher.update(b"bc")
    assert hasher.digests() == (CRC32C,)


def test_crc32c_is_left_out_where_it_is_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "crc32c", None)
    assert Hasher(["crc32c", "md5"]).algorithms == ("md5",)


def test_a_computed_checksum_has_the_length_of_its_algorithm():
    names = [name for name in LENGTHS_BYTES if name != "crc32c"]
    for digest in Hasher(names).digests():
        assert len(bytes.fromhex(digest.value)) == LENGTHS_BYTES[digest.algorithm]
