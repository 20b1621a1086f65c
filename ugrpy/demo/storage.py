"""One storage element of the tour: a folder served over WebDAV by WsgiDAV on cheroot, in a process of its own.

``python -m ugrpy.demo.storage --root FOLDER --listen 127.0.1.1:8401`` serves until it is told to stop. Anonymous and
read-only: it is reachable by everybody on this machine.
"""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

from cheroot import wsgi
from wsgidav.fs_dav_provider import FilesystemProvider
from wsgidav.wsgidav_app import WsgiDAVApp

CANNOT_LISTEN = 3


def make_server(root: Path, host: str, port: int) -> wsgi.Server:
    """A WSGI server that has not started to listen yet."""
    app = WsgiDAVApp(
        {
            "host": host,
            "port": port,
            "provider_mapping": {"/": FilesystemProvider(str(root), readonly=True)},
            "simple_dc": {"user_mapping": {"*": True}},
            "verbose": 0,
            "logging": {"enable": False},
            "dir_browser": {"show_user": False, "icon": False},
        }
    )
    return wsgi.Server((host, port), app, numthreads=6, server_name="storage element")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C or a signal; returns 3 when the address cannot be listened on."""
    parser = argparse.ArgumentParser(prog="python -m ugrpy.demo.storage", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the folder to serve")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    options = parser.parse_args(arguments)
    host, _, port = options.listen.rpartition(":")
    server = make_server(options.root, host, int(port))
    # SIGTERM keeps its default action: a read-only server has nothing to finish
    with contextlib.suppress(KeyboardInterrupt):
        try:
            server.prepare()
        except OSError as error:
            sys.stderr.write(f"cannot listen on {options.listen}: {error}\n")
            return CANNOT_LISTEN
        try:
            server.serve()
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
