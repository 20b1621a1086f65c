"""The stratum-1 server of the tour: one repository with a whitelist, which verification asks for, and one file that VMs want.

``python -m shoalpy.demo.origin 127.0.0.1:8000``
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHITELIST = "/cvmfs/demo.example.org/.cvmfswhitelist"
FILE = "/cvmfs/demo.example.org/data/8f/3a1c"
FILES = {
    WHITELIST: b"20260101000000\nE20360101000000\nNdemo.example.org\n00:11:22\n--\nnot signed\n",
    FILE: bytes(range(256)) * 512,
}


class Origin(BaseHTTPRequestHandler):
    """Serves ``FILES``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One file, or 404."""
        body = FILES.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.send_header("Cache-Control", "max-age=60")
        self.end_headers()
        self.wfile.write(body or b"")


def serve(listen: str, handler: type[BaseHTTPRequestHandler]) -> None:
    """Answer at ``address:port`` until the process is ended."""
    address, _, port = listen.rpartition(":")
    with ThreadingHTTPServer((address, int(port)), handler) as server:
        server.daemon_threads = True
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], Origin)
