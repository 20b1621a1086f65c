"""Plain HTTP servers (nginx, Apache or object stores without WebDAV): what a name is, is made from HEAD; no listings.

A directory asked for without its slash is answered by a redirect to the slash form, which is how a collection is told from
a file; directories with the slash may answer 403 or a page, so they are never asked that way. Compressed transfers would
hide a file's true length, so HEAD asks for ``identity``. A server that refuses HEAD is asked for the first byte instead.

Redirects elsewhere are followed a few steps, but only to the endpoint's own host and to ``redirect_hosts``, and never from
https to http: otherwise whoever can write a Location there could make this gateway ask any server inside its own network,
and an answer that travelled in the clear would be believed like one that was protected.
"""

from ugrpy.endpoints.plainhttp.endpoint import PlainHttpEndpoint

__all__ = ["PlainHttpEndpoint"]
