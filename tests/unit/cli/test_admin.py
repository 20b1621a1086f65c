"""How commands speak to the admin listener, and what becomes of its refusals."""

import json
import socket
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

import pytest

from ugrpy.cli.admin import admin_address, ask_admin, who_asks
from ugrpy.core.errors import BadRequest, ConfigError, Forbidden, NotFound, UgrError, Unavailable
from ugrpy.core.listen import Listen, UnixSocket


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(asked | {"detail": "said so", "path": self.path}).encode()
        self.send_response(int(asked["status"]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "local"

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def local() -> Iterator[UnixSocket]:
    with tempfile.TemporaryDirectory(prefix="adm") as folder:
        path = str(Path(folder) / "s")
        with UnixStreamServer(path, Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield UnixSocket(path)
            server.shutdown()


def test_over_a_local_socket(local):
    answer = ask_admin(local, "POST", "/v1/x", {"status": 200, "reason": "new disks"})
    assert isinstance(answer, dict)
    assert (answer["path"], answer["reason"]) == ("/v1/x", "new disks")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequest),
        (403, Forbidden),
        (404, NotFound),
        (415, BadRequest),
        (503, Unavailable),
    ],
)
def test_refusals(local, status, error: type[UgrError]):
    with pytest.raises(error, match="said so"):
        ask_admin(local, "POST", "/v1/x", {"status": status})


def test_nobody_there(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        for address in (
            Listen("127.0.0.1", taken.getsockname()[1]),
            UnixSocket(str(tmp_path / "nothing")),
        ):
            with pytest.raises(Unavailable, match="no answer from the admin listener") as caught:
                ask_admin(address, "GET", "/v1/endpoints")
            assert caught.value.hint


def test_where_it_is(tmp_path, monkeypatch):
    monkeypatch.delenv("UGRPY_SERVICE__ADMIN", raising=False)
    file = tmp_path / "site.toml"
    file.write_text('[service]\nadmin = "unix:/run/ugrpy/admin"\n')
    assert admin_address(None, [file]) == UnixSocket("/run/ugrpy/admin")
    assert admin_address("127.0.0.1:9000", [file]) == Listen("127.0.0.1", 9000)
    file.write_text('[service]\nadmin = ""\n')
    with pytest.raises(ConfigError, match="no admin listener"):
        admin_address(None, [file])
    for text in ("", "192.0.2.1:80", "nonsense"):
        with pytest.raises(ConfigError, match="--admin"):
            admin_address(text, None)


def test_who_sits_here(monkeypatch):
    monkeypatch.setenv("USER", "root")
    monkeypatch.setenv("SUDO_USER", "alice")
    assert who_asks() == "alice"
    monkeypatch.delenv("SUDO_USER")
    assert who_asks() == "root"
    monkeypatch.delenv("USER")
    assert who_asks().isdigit()
