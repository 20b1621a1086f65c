"""What does writing a listing for a client cost? ``size`` files as davix asks for them, one name in ten in need of escaping."""

from lxml import etree

from benchmarks.corpus import list_name, list_path, mix
from benchmarks.timing import Work
from ugrpy.namespace.model import Kind
from ugrpy.webdav.render import Described, render_multistatus
from ugrpy.webdav.request import PropfindForm, PropfindRequest

# what davix puts into its PROPFIND
ASKED = PropfindRequest(
    PropfindForm.PROP,
    (
        ("DAV:", "displayname"),
        ("DAV:", "getlastmodified"),
        ("DAV:", "creationdate"),
        ("DAV:", "getcontentlength"),
        ("DAV:", "resourcetype"),
        ("LCGDM:", "mode"),
    ),
)


def prepare(seed: int, size: int) -> Work:
    """``render_multistatus`` to the last piece."""
    names = [list_name(0, n) + (" & <more>" if n % 10 == 0 else "") for n in range(size)]
    items = [
        Described(
            href=list_path(0) + name,
            name=name,
            kind=Kind.FILE,
            size_bytes=mix(seed + number) % 10**9,
            mtime_s=1_500_000_000 + number * 1000,
            etag=None,
        )
        for number, name in enumerate(names)
    ]

    def run() -> list[bytes]:
        return list(render_multistatus(items, ASKED))

    def check(pieces: object) -> None:
        assert isinstance(pieces, list)
        root = etree.fromstring(b"".join(pieces))
        assert [shown.text for shown in root.iter("{DAV:}displayname")] == names

    return Work(run, size, check)
