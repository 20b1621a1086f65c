"""WebDAV as bytes: requests in, multistatus out and in, dates and validators. Pure: no I/O, no clock."""
