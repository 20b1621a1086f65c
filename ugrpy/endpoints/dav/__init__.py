"""WebDAV servers: nginx with dav-ext, Apache mod_dav, XRootD, dCache, StoRM, WsgiDAV, and any other.

What differs between them is normalised in ``ugrpy.webdav.multistatus`` (hrefs, kinds, dates, lengths of directories) with
captured replies under ``tests/data``. What concerns the exchange itself is here: Apache answers PROPFIND of a collection
without its slash by 301; a server that does so once is asked with the slash from then on when a listing is wanted.
"""

from ugrpy.endpoints.dav.endpoint import DavEndpoint

__all__ = ["DavEndpoint"]
