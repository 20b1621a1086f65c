"""XRootD with its HTTP door and third-party copy as a storage element."""

import os
import pwd
from pathlib import Path

import trustme

from tests.peers.process import ServerProcess, answers_http
from tests.peers.programs import require
from tests.peers.server import PeerServer

# xrootd cannot bind to one address; the allow lines turn every other host away. Without a certificate it does not load
# the copy handler at all (5.5.3), so it has one, and the port speaks plain HTTP and TLS.
_CONFIGURATION = """\
all.export /
all.adminpath {folder}/admin
all.pidpath {folder}/run
oss.localroot {root}
xrd.port {port}
xrd.tls {folder}/tls/cert.pem {folder}/tls/key.pem
xrd.tlsca certdir {folder}/tls
xrd.allow host localhost
xrd.allow host 127.*
xrd.protocol http:{port} libXrdHttp.so
http.exthandler xrdtpc libXrdHttpTPC.so
xrootd.chksum max 2 adler32 md5
"""


def xrootd_http(folder: Path, address: str = "127.0.0.1") -> PeerServer:
    """HTTP, WebDAV and COPY (push and pull) without TLS; Digest by Want-Digest; no ETag, no resourcetype of files."""
    program = require("xrootd")
    root = folder / "root"
    for path in (root, folder / "admin", folder / "run", folder / "tls"):
        path.mkdir()
    root.chmod(0o777)
    _write_certificate(folder / "tls", address)
    as_user = _as_user(folder)

    def command(port: int) -> tuple[str, ...]:
        path = folder / "xrootd.cfg"
        path.write_text(_CONFIGURATION.format(folder=folder, root=root, port=port))
        pid_file = folder / "run" / "xrootd.pid"
        return (program.path, "-I", "v4", "-c", str(path), "-s", str(pid_file), *as_user)

    # it listens before it has read its configuration to the end
    process = ServerProcess(command, address=address, log=folder / "output.log", ready=answers_http)
    return PeerServer("xrootd", program.version, root, process)


def _write_certificate(folder: Path, address: str) -> None:
    certificate = trustme.CA().issue_cert(address)
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "key.pem").chmod(0o400)


def _as_user(folder: Path) -> tuple[str, ...]:
    """xrootd refuses to run as root; the account it drops to must own its folders."""
    if os.geteuid() != 0:
        return ()
    account = pwd.getpwnam("xrootd")
    for path in (folder, *folder.iterdir(), *(folder / "tls").iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    return ("-R", account.pw_name)
