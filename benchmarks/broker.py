"""RabbitMQ for a benchmark: one node with its own folder, ports and name service on the loopback, on the cores that are not the server's."""

import os
import pwd
import re
import shutil
import socket
import time
from pathlib import Path

from benchmarks import programs
from benchmarks.topology import CannotRun, Topology, free_port

_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_START_S = 90.0
# One scheduler that does not spin, and it leaves the core to whoever else wants it: what is measured is not the broker.
_ERLANG = "+S 1:1 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}"
# It gives way to the generator at once, whose waking up late would count as the server's latency.
_YIELDING = ("chrt", "--idle", "0")


def rabbitmq(topology: Topology) -> int:
    """Start one; its port. Raises ``CannotRun``."""
    epmd = shutil.which("epmd", path=f"{os.environ.get('PATH', '')}:/usr/bin")
    if epmd is None or not _SERVER.exists():
        raise CannotRun("RabbitMQ is not installed (Debian: apt install rabbitmq-server)")
    folder = topology.directory / "rabbitmq"
    folder.mkdir()
    port, names_port, nodes_port = free_port(), free_port(), free_port()
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\nlog.console = true\nlog.file = false\n"
    )
    (folder / "plugins").write_text("[].\n")
    (folder / "none").touch()
    environment = {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names_port),
        "ERL_CRASH_DUMP_SECONDS": "0",
        "RABBITMQ_NODENAME": f"bench-{port}@localhost",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_DIST_PORT": str(nodes_port),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
    }
    env = ("env", *(f"{name}={value}" for name, value in environment.items()))
    # in the foreground: one that the node started by itself would outlive it
    names = (*env, epmd, "-address", "127.0.0.1", "-port", str(names_port))
    topology.start("epmd", names, topology.other_cores)
    _await(topology, "epmd", names_port)
    node = (*_YIELDING, *env, *_as_its_user(folder), str(_SERVER))
    topology.start("rabbitmq", node, topology.other_cores)
    _await(topology, "rabbitmq", port, hello=b"AMQP\x00\x00\x09\x01")
    programs.note("rabbitmq", _version())
    return port


def _version() -> str:
    """It has no option that tells, but stands in a folder that is named for it."""
    match = re.search(r"-([0-9]+(?:\.[0-9]+)+)/", str(_SERVER.resolve()))
    return match[1] if match else "unknown"


def _await(topology: Topology, name: str, port: int, hello: bytes = b"") -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if _answers(port, hello):
            return
        time.sleep(0.1)
    raise CannotRun(f"{name} did not come up:\n{topology.log_tail(name)}")


def _answers(port: int, hello: bytes) -> bool:
    """Whether somebody listens, and answers a greeting if there is one."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as wire:
            wire.sendall(hello)
            return not hello or wire.recv(1) == b"\x01"
    except OSError:
        return False


def _as_its_user(folder: Path) -> tuple[str, ...]:
    """Not as root, which the broker refuses to be with files of another."""
    if os.geteuid() != 0:
        return ()
    account = pwd.getpwnam("rabbitmq")
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)
    return ("setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups")
