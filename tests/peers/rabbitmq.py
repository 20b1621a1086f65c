"""RabbitMQ as the broker that agents report through: its own node, folder, ports and name service, all on loopback.

Never the system's service: nothing below /etc or /var is read or written. epmd runs in the foreground beside it, since one
that the node starts by itself would outlive it.
"""

import json
import os
import pwd
import shutil
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.parity import peers_used
from tests.peers.process import ServerProcess, free_port
from tests.peers.programs import SEARCH_PATH, require

VIRTUAL_HOST = "caches"
USER, PASSWORD = "shoal", "not a secret"  # for VIRTUAL_HOST; on / there is guest

_CONFIGURATION = """\
listeners.tcp.1 = {address}:{port}
listeners.ssl.1 = {address}:{tls_port}
ssl_options.cacertfile = {folder}/ca.pem
ssl_options.certfile = {folder}/cert.pem
ssl_options.keyfile = {folder}/key.pem
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
load_definitions = {folder}/definitions.json
log.console = true
log.console.level = info
log.file = false
"""
# One scheduler that does not spin: the machine is shared with the tests.
_ERLANG = "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"


@dataclass(slots=True)
class Broker:
    """A node that takes AMQP at ``port`` and, from clients with a certificate of ``authority``, AMQP over TLS at ``tls_port``."""

    address: str
    tls_port: int
    folder: Path
    version: str
    authority: trustme.CA
    _epmd: ServerProcess
    _node: ServerProcess

    @property
    def port(self) -> int:
        """Stays the same when it is stopped and started."""
        return self._node.port

    @property
    def ca_file(self) -> Path:
        """What its certificate is judged by."""
        return self.folder / "ca.pem"

    def start(self) -> None:
        """Run it; it has forgotten what was not durable."""
        self._epmd.start()
        self._node.start()
        peers_used.record("rabbitmq", self.version)

    def stop(self) -> None:
        """End it and its name service."""
        self._node.stop()
        self._epmd.stop()

    def log_tail(self) -> str:
        """The last it said."""
        return self._node.log_tail()


def rabbitmq(folder: Path, address: str = "127.0.0.1") -> Broker:
    """A broker, not started yet."""
    program = require("rabbitmq")
    server = Path(program.path).with_name("rabbitmq-server")
    epmd = shutil.which("epmd", path=SEARCH_PATH) or "epmd"
    authority = trustme.CA()
    tls_port, distribution_port = free_port(address), free_port(address)
    _write_files(folder, authority, address)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP_SECONDS": "0",
        "RABBITMQ_NODENAME": f"ugrpy-{uuid.uuid4().hex[:12]}@localhost",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_DIST_PORT": str(distribution_port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
    }

    def name_service(port: int) -> tuple[str, ...]:
        environment["ERL_EPMD_PORT"] = str(port)
        return (epmd, "-address", "127.0.0.1", "-port", str(port))

    def node(port: int) -> tuple[str, ...]:
        text = _CONFIGURATION.format(address=address, port=port, tls_port=tls_port, folder=folder)
        (folder / "rabbitmq.conf").write_text(text)
        return (*_as_user(folder), str(server))

    return Broker(
        address,
        tls_port,
        folder,
        program.version,
        authority,
        ServerProcess(name_service, address=address, log=folder / "epmd.log"),
        ServerProcess(
            node,
            address=address,
            log=folder / "output.log",
            env=environment,
            ready=_speaks_amqp,
            limit_s=60.0,
        ),
    )


def _speaks_amqp(address: str, port: int) -> bool:
    """Whether a protocol header is answered: listeners open last, but a full start is only over then."""
    try:
        with socket.create_connection((address, port), timeout=1) as wire:
            wire.sendall(b"AMQP\x00\x00\x09\x01")
            return wire.recv(1) == b"\x01"
    except OSError:
        return False


def _write_files(folder: Path, authority: trustme.CA, address: str) -> None:
    certificate = authority.issue_cert(address, "localhost")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "plugins").write_text("[].\n")
    (folder / "none").touch()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    definitions = {
        "users": [
            {"name": "guest", "password": "guest", "tags": "administrator"},
            {"name": USER, "password": PASSWORD, "tags": ""},
        ],
        "vhosts": [{"name": "/"}, {"name": VIRTUAL_HOST}],
        "permissions": [
            {"user": "guest", "vhost": "/", **everything},
            {"user": USER, "vhost": VIRTUAL_HOST, **everything},
        ],
    }
    (folder / "definitions.json").write_text(json.dumps(definitions))


def _as_user(folder: Path) -> tuple[str, ...]:
    """Not as root, like Debian's own service."""
    if os.geteuid() != 0:
        return ()
    account = pwd.getpwnam("rabbitmq")
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    setpriv = shutil.which("setpriv") or "/usr/bin/setpriv"
    return (setpriv, "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups")
