"""A name server that knows the names it is given: A and AAAA over UDP (RFC 1035 section 4, RFC 3596)."""

import socketserver
import struct
import threading
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

_A, _AAAA = 1, 28
_NOERROR, _SERVFAIL, _NXDOMAIN = 0, 2, 3


class NameServer:
    """``names`` says the addresses of each name, ``broken`` holds those that end in SERVFAIL; ``asked`` is all that was asked for.

    Records hold for no time, so that nobody on the way remembers them.
    """

    def __init__(self) -> None:
        self.names: dict[str, tuple[str, ...]] = {}
        self.broken: set[str] = set()
        self.asked: list[str] = []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, socket = self.request
                socket.sendto(outer.answer(data), self.client_address)

        self._server = socketserver.UDPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> "NameServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def where(self) -> str:
        """``address:port``."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def count(self, name: str) -> int:
        """How many times its IPv4 addresses were asked for."""
        return self.asked.count(name)

    def answer(self, data: bytes) -> bytes:
        """The message that answers this one."""
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        name = ".".join(labels).lower()
        (kind,) = struct.unpack("!H", data[at + 1 : at + 3])
        if kind == _A:
            self.asked.append(name)
        records = list(self._records(name, kind))
        code = _NOERROR if name in self.names else _NXDOMAIN
        if name in self.broken:
            code, records = _SERVFAIL, []
        head = data[:2] + struct.pack("!5H", 0x8580 | code, 1, len(records), 0, 0)
        return head + data[12 : at + 5] + b"".join(records)

    def _records(self, name: str, kind: int) -> Iterable[bytes]:
        for text in self.names.get(name, ()):
            address: Any = ip_address(text)
            if kind == {4: _A, 6: _AAAA}[address.version]:
                packed: bytes = address.packed
                yield struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed
