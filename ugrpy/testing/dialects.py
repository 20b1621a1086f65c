"""Which product's habits does the storage element have?

Only what matters to a reader of its answers and to whoever changes something there, as seen of the real ones (captured
replies are in ``tests/data``). A dialect is no substitute for the product: the tests with real servers are.
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

    Those of a storage that takes changes

    ``writes``            it does
    ``parents_for``       the methods that make the collections above a new name; others answer 409 when they are missing
    ``strict_slash``      a collection is made, moved, copied and removed only under its name with a slash, or 409
    ``grows``             a file can be seen while it arrives, and what came of it stays when the rest does not
    ``conditions``        If-Match and If-None-Match are looked at
    ``empties``           DELETE takes a collection with all in it; otherwise that is 500
    ``terse``             PUT and DELETE are 200 whatever was there, and a collection that exists may be made again
    ``third_party``       COPY moves bytes between servers; otherwise a Destination elsewhere is 502
    ``digests``           what it can compute, the first one also when it can do none of those asked for and ``unasked_digest``
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
    writes: bool = True
    parents_for: tuple[str, ...] = ()
    strict_slash: bool = False
    grows: bool = False
    conditions: bool = True
    empties: bool = True
    terse: bool = False
    third_party: bool = True
    digests: tuple[str, ...] = ("adler32", "md5")
    unasked_digest: bool = False


GENERIC = Dialect("generic")
NGINX = Dialect(
    "nginx",
    parents_for=("PUT", "MOVE", "COPY"),
    strict_slash=True,
    conditions=False,
    third_party=False,
    digests=(),
)
APACHE = Dialect(
    "apache", adds_slash=True, lower_case=True, prefix="lp1", third_party=False, digests=()
)
XROOTD = Dialect(
    "xrootd",
    verbatim_hrefs=True,
    child_slash=False,
    prefix="lp1",
    private_kind=True,
    dates=False,
    directory_bytes=4096,
    parents_for=("PUT", "MKCOL", "MOVE", "COPY"),
    grows=True,
    conditions=False,
    empties=False,
    terse=True,
    unasked_digest=True,
)
DCACHE = Dialect("dcache", absolute_hrefs=True, prefix="d")
PLAIN = Dialect("plain", dav=False, adds_slash=True, writes=False, third_party=False, digests=())

DIALECTS = (NGINX, APACHE, XROOTD, DCACHE, PLAIN)
