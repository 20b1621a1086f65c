"""What do storages do that the standards do not lead one to expect, and what becomes of it here?

A closed list: each member says what the server does, which one was seen doing it, and what we do. The captured reply of
each is named in ``tests/data``, and one test reads it, another meets it at the real server where there is one.
"""

from enum import StrEnum


class Quirk(StrEnum):
    """A habit of a storage, met at run time and made equal to everybody else's ways."""

    SLASH_REDIRECT = "slash-redirect"
    """PROPFIND of a collection without its slash is redirected to the form with it (Apache with mod_dir: 301).
    Followed when only the slash differs; from then on listings are asked for with the slash at once."""

    FAULT_BELOW_FILE = "fault-below-file"
    """A name below a file is answered by 400 (Apache) or 500 (XRootD) instead of 404.
    When something above the name proves to be a file, it is taken for *absent*."""

    LONG_NAMES_REFUSED = "long-names-refused"
    """A name longer than file systems take is answered by 403 (Apache) or 500 (XRootD) instead of 404 or 414.
    When the server is well otherwise, it is taken for *absent*."""

    QUESTION_MARK_ENDS = "question-mark-ends"
    """``%3F`` in a path is decoded before the query is looked for, so that the path ends there (XRootD). When what is
    described is the part before the question mark, the name itself is *absent*."""

    NO_RESOURCETYPE = "no-resourcetype"
    """Files have no ``resourcetype``, but a private ``iscollection`` of 0 or 1 (XRootD). That is read instead."""

    COLLECTION_SIZE = "collection-size"
    """Collections carry a length, that of the directory file: 4096 (XRootD). It is dropped."""

    COLLECTION_WITHOUT_SLASH = "collection-without-slash"
    """hrefs of collections do not end in a slash (XRootD for children; nginx for what is asked for without one). The type is
    believed, not the slash."""

    VERBATIM_HREFS = "verbatim-hrefs"
    """hrefs are names escaped for XML and not percent-encoded (XRootD). They are taken as they stand."""

    RAW_NAMES = "raw-names"
    """Bytes of names that XML cannot carry (no UTF-8, control characters) go out as they are, so that the whole
    multistatus is no XML (XRootD in hrefs, nginx in displayname). They are put aside before the parser sees them
    and put back into the name, so that all children are listed, that one under its own bytes."""

    LOWER_CASE_ESCAPES = "lower-case-escapes"
    """Percent-encoding in lower case (Apache, ``%c3%a9``), allowed and unusual (RFC 3986 section 2.1). Names are
    compared decoded."""

    MARKUP_IN_HREFS = "markup-in-hrefs"
    """``&`` stands in hrefs as ``&amp;`` and not as ``%26`` (nginx, Apache, rclone, WsgiDAV). Undone once, by the
    XML parser: a name that holds ``&amp;`` keeps it."""

    ABSOLUTE_HREFS = "absolute-hrefs"
    """hrefs are whole URLs (allowed by RFC 4918 section 8.3; dCache), often with a host that only the server itself
    believes in. Scheme and host are dropped."""

    DOUBLED_SLASHES = "doubled-slashes"
    """hrefs hold empty components (``/data//f``). Those are dropped."""

    FOREIGN_PREFIX = "foreign-prefix"
    """hrefs lie below another path than the one asked for: a proxy in between maps one to the other. What the server
    describes first is taken for what was asked for, and the children are those below it."""

    ISO_DATES = "iso-dates"
    """``getlastmodified`` is in the form of ISO 8601 and not in one of HTTP's. Both are read."""

    NO_DATE = "no-date"
    """The head of a file's answer has no ``Last-Modified`` (XRootD). The file has no date then; none is made up."""

    CHILD_REFUSED = "child-refused"
    """A listing gives a child a status of its own, such as 403, instead of properties (RFC 4918 section 14.24). The child is
    listed without metadata, a collection if its href ends in a slash; only one that is gone (404, 410) is left out."""

    NO_HEAD = "no-head"
    """HEAD is refused by 405 or 501. The head of a GET for the first byte is taken instead, from then on at once."""

    RANGES_AS_ASKED = "ranges-as-asked"
    """A range is served as it was asked for, not as far as the file goes: without an end it has no bytes, and one that ends
    beyond the file breaks off (XRootD 5.5). It is asked for again with the end that the answer tells, or becomes 416."""

    ONLY_EMPTY_DELETED = "only-empty-deleted"
    """DELETE of a collection that is not empty fails by 500 (XRootD). What is in it is deleted first, the deepest first."""

    MADE_AGAIN = "made-again"
    """MKCOL of a collection that exists is answered by 201 (XRootD). It is looked for first; *conflict* 405."""

    OVERWRITE_IGNORED = "overwrite-ignored"
    """MOVE takes no heed of ``Overwrite: F`` and replaces the target (XRootD); it does not replace collections that are not
    empty, whatever the header says. The target is looked at first, and what is in the way is deleted when it may be."""

    VERBATIM_DESTINATION = "verbatim-destination"
    """``Destination`` is not percent-decoded: ``/a%20b`` would become a name of six characters (XRootD). It is sent as the name
    stands, and ended by a question mark, since what stands at the end of a header is trimmed."""

    CUT_DESTINATION = "cut-destination"
    """``Destination`` is decoded before it is taken apart, so that a question mark, hash or semicolon of a name ends it
    (WsgiDAV). *Conflict* 409 for such targets."""

    THIRD_PARTY_COPY_ONLY = "third-party-copy-only"
    """COPY means a transfer from or to another server (XRootD, dCache). Never sent from here; *conflict* 501."""
