"""Plain HTTP servers (nginx, Apache or object stores without WebDAV): HEAD only, no listings.

Quirks: a directory asked for without its slash is answered by a redirect to the slash form, which is how a
collection is told from a file; directories with the slash may answer 403 or a page, so they are never asked that way.
Compressed transfers would hide a file's true length, so HEAD asks for ``identity``.
"""

from ugrpy.endpoints.plainhttp.endpoint import PlainHttpEndpoint

__all__ = ["PlainHttpEndpoint"]
