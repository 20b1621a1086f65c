"""Which checksums do clients announce with an upload? One row for each habit that was met."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from ugrpy.frontend.announced import announced_digests
from ugrpy.frontend.exchange import Exchange
from ugrpy.locality import Place
from ugrpy.locality.tiers import Zone
from ugrpy.namespace.model import Digest
from ugrpy.security.identity import Identity

MD5 = Digest("md5", "900150983cd24fb0d6963f7d28e17f72")
MD5_IN_BASE64 = "kAFQmDzST7DWlj99KOF/cg=="
SHA = Digest("sha-1", "a9993e364706816aba3e25717850c26c9cd0d89d")
ADLER = Digest("adler32", "024d0127")


def announced(*headers: tuple[str, str]) -> tuple[Digest, ...]:
    request = make_mocked_request("PUT", "/f", headers=CIMultiDict(headers))
    return announced_digests(Exchange(request, (Identity(), Zone(Place(), None, {}), "-")))


@pytest.mark.parametrize(
    ("headers", "digests"),
    [
        ((), ()),
        ((("Digest", f"adler32=024d0127,md5={MD5_IN_BASE64}"),), (ADLER, MD5)),
        ((("Digest", "ADLER32=24d0127"),), (ADLER,)),
        ((("Digest", "adler32=024d0127"), ("Digest", f"MD5={MD5_IN_BASE64}")), (ADLER, MD5)),
        ((("OC-Checksum", f"SHA1:{SHA.value}"),), (SHA,)),
        ((("OC-Checksum", f"MD5:{MD5.value}"),), (MD5,)),
        ((("OC-Checksum", "Adler32:024d0127"),), (ADLER,)),
        ((("Content-MD5", MD5_IN_BASE64),), (MD5,)),
        ((("Content-MD5", f" {MD5.value} "),), (MD5,)),
        ((("Repr-Digest", f"md5=:{MD5_IN_BASE64}:"),), (MD5,)),
        ((("Content-Digest", f"md5=:{MD5_IN_BASE64}:"),), (MD5,)),
        ((("Content-MD5", MD5_IN_BASE64), ("OC-Checksum", f"MD5:{MD5.value}")), (MD5,)),
        ((("Content-MD5", MD5_IN_BASE64), ("Digest", f"md5={'0' * 32}")), ()),
        ((("Digest", "md5=nonsense, unixsum=1"), ("Content-MD5", "")), ()),
    ],
)
def test_what_is_announced(headers, digests):
    assert announced(*headers) == digests
