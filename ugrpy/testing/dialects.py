"""Which product's habits does the storage element have?

Only what matters to a reader of its answers, as seen of the real ones (captured replies are in ``tests/data``). A dialect is
no substitute for the product: the tests with real servers are.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One product's habits.

    ``dav``               it answers PROPFIND
    ``adds_slash``        a collection asked for without its slash is answered by 301 to the form with it
    ``absolute_hrefs``    hrefs carry scheme and host
    ``verbatim_hrefs``    hrefs are escaped for XML, never percent-encoded
    ``child_slash``       a collection's href ends in a slash
    ``lower_case``        percent-encoding with small letters
    ``prefix``            the XML prefix of properties; whatever it is, it stands for ``DAV:``
    ``private_kind``      files have no resourcetype but an ``iscollection`` of the product's own, collections have both
    ``dates``             HEAD gives Last-Modified and ETag
    ``directory_bytes``   a collection has this length (the size of the directory's own file)
    """

    name: str
    dav: bool = True
    adds_slash: bool = False
    absolute_hrefs: bool = False
    verbatim_hrefs: bool = False
    child_slash: bool = True
    lower_case: bool = False
    prefix: str = "D"
    private_kind: bool = False
    dates: bool = True
    directory_bytes: int | None = None


GENERIC = Dialect("generic")
NGINX = Dialect("nginx")
APACHE = Dialect("apache", adds_slash=True, lower_case=True, prefix="lp1")
XROOTD = Dialect(
    "xrootd",
    verbatim_hrefs=True,
    child_slash=False,
    prefix="lp1",
    private_kind=True,
    dates=False,
    directory_bytes=4096,
)
DCACHE = Dialect("dcache", absolute_hrefs=True, prefix="d")
PLAIN = Dialect("plain", dav=False, adds_slash=True)

DIALECTS = (NGINX, APACHE, XROOTD, DCACHE, PLAIN)
