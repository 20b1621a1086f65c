"""nginx as a storage element (DAV, or plain files) and as the redirect everybody compares with."""

import os
from collections.abc import Callable
from pathlib import Path

from tests.peers.process import ServerProcess
from tests.peers.programs import require
from tests.peers.server import PeerServer

_MODULE = "ngx_http_dav_ext_module.so"
_MODULE_FOLDERS = (Path("/usr/lib/nginx/modules"), Path("/usr/share/nginx/modules"))

_CONFIGURATION = """\
{main}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 1024; }}
http {{
  log_format request '$request_method $request_uri $status';
  access_log {folder}/access.log request;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  default_type application/octet-stream;
  keepalive_requests 1000000;
  server {{
    listen {address}:{port};
    root {root};
    client_max_body_size 0;
    location / {{
      {location}
    }}
  }}
}}
"""

# MKCOL and DELETE of a directory demand the slash; MOVE and COPY look at the host name of Destination only
_DAV = """\
dav_methods PUT DELETE MKCOL COPY MOVE;
      dav_ext_methods PROPFIND OPTIONS;
      create_full_put_path on;
      dav_access user:rw group:rw all:rw;"""


def nginx_dav(
    folder: Path, address: str = "127.0.0.1", *, bytes_per_s: int | None = None
) -> PeerServer:
    """A WebDAV server: PROPFIND and OPTIONS from the dav-ext module, the rest its own. No Digest.

    With ``bytes_per_s`` a download takes its time, long enough to stop the server in the middle.
    """
    module = next((f / _MODULE for f in _MODULE_FOLDERS if (f / _MODULE).exists()), Path(_MODULE))
    rate = "" if bytes_per_s is None else f"\n      limit_rate {bytes_per_s};"
    return _server(folder, address, _DAV + rate, f"load_module {module};")


def nginx_plain(folder: Path, address: str = "127.0.0.1", *, autoindex: bool = False) -> PeerServer:
    """A plain file server: GET and HEAD, PROPFIND is 405, a directory 403 unless ``autoindex``."""
    return _server(folder, address, "autoindex on;" if autoindex else "")


def nginx_headless(folder: Path, address: str = "127.0.0.1") -> PeerServer:
    """A plain file server that refuses HEAD by 405, as front ends of object stores do."""
    return _server(folder, address, "if ($request_method = HEAD) { return 405; }")


def nginx_redirect(folder: Path, target: str, address: str = "127.0.0.1") -> PeerServer:
    """Answers every request with a 302 to ``target`` followed by the request's path."""
    return _server(folder, address, f"return 302 {target}$request_uri;")


def _server(folder: Path, address: str, location: str, main: str = "") -> PeerServer:
    program = require("nginx")
    root = folder / "root"
    root.mkdir()
    if os.geteuid() == 0:
        main += "\nuser root;"  # so that it may write wherever the tests did
    write = _writer(folder, address, root, location, main)
    # -e before the configuration is read: otherwise it complains about its compiled-in log
    process = ServerProcess(
        lambda port: (program.path, "-e", str(folder / "error.log"), "-c", str(write(port))),
        address=address,
        log=folder / "output.log",
    )
    return PeerServer("nginx", program.version, root, process, folder / "access.log")


def _writer(
    folder: Path, address: str, root: Path, location: str, main: str
) -> Callable[[int], Path]:
    def write(port: int) -> Path:
        path = folder / "nginx.conf"
        text = _CONFIGURATION.format(
            folder=folder, address=address, port=port, root=root, location=location, main=main
        )
        path.write_text(text)
        return path

    return write
