"""The cache of the tour where squid is not installed: a forward proxy that passes everything on and keeps nothing.

``python -m shoalpy.demo.proxy 127.0.1.2:3128 NAME ACCESS_FILE``; it lets nobody through while the file, a piece of squid's configuration,
says ``deny``.
"""

import http.client
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import urlsplit

from shoalpy.demo.origin import serve

TIMEOUT_S = 10.0


class ForwardProxy(BaseHTTPRequestHandler):
    """``GET http://…`` and nothing else."""

    protocol_version = "HTTP/1.1"
    name = ""
    access = Path()

    def do_GET(self) -> None:
        """Fetch it and hand it over."""
        parts = urlsplit(self.path)
        if "deny" in self.access.read_text():
            self._answer(403, b"ERR_ACCESS_DENIED", {"X-Squid-Error": "ERR_ACCESS_DENIED 0"})
        elif parts.scheme != "http" or not parts.hostname:
            self._answer(400, b"a forward proxy is asked for a whole URL", {})
        else:
            try:
                self._pass_on(parts.hostname, parts.port or 80, parts.path or "/")
            except (OSError, http.client.HTTPException) as error:
                self._answer(502, str(error).encode(), {})

    def _pass_on(self, host: str, port: int, path: str) -> None:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            self._answer(response.status, response.read(), {"Via": f"1.1 {self.name}"})
        finally:
            connection.close()

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ForwardProxy.name, ForwardProxy.access = sys.argv[2], Path(sys.argv[3])
    serve(sys.argv[1], ForwardProxy)
