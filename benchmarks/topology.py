"""Which processes does a benchmark run, and on which cores? Started here, stopped here, whatever happens.

Two cores are enough: the server under test has the first to itself, the load generator, the storage elements and this
process share the rest. Affinity is set before a process is started, so its threads and workers inherit it.
"""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import environment, procfs, programs
from benchmarks.corpus import Corpus
from benchmarks.storage import Element

HERE = Path(__file__).parent
ROOT = HERE.parent
START_S = 20.0
STOP_S = 10.0
_PORTS = range(13_000, 15_000)  # the tests' servers take theirs above


class CannotRun(Exception):
    """A part of the topology did not start or answered nonsense; the message holds the end of its log."""


def cores() -> tuple[set[int], set[int]]:
    """The core of the server under test, and the cores of everything else."""
    allowed = sorted(os.sched_getaffinity(0))
    return {allowed[0]}, set(allowed[1:] or allowed)


@contextmanager
def pinned(where: set[int]) -> Iterator[None]:
    """Processes started inside inherit these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, where)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on at this moment, and none that the system gives to outgoing connections (32768 on)."""
    source = random.SystemRandom()
    while True:
        port = source.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((host, port))
            return port


@dataclass(frozen=True, slots=True)
class Server:
    """A server under test on the loopback: where it listens and whose CPU counts."""

    host: str
    port: int
    pid: int


class Topology:
    """A context in which processes live. ``directory`` is for their files and goes away with it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.server_cores, self.other_cores = cores()
        self.directory = Path()
        self._processes: dict[int, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        temporary = tempfile.TemporaryDirectory(prefix="ugrpy-bench-", ignore_cleanup_errors=True)
        self.directory = Path(self._stack.enter_context(temporary))
        # nginx workers give up root and must still reach their files
        self.directory.chmod(0o755)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def start(self, name: str, command: Sequence[str], where: set[int]) -> subprocess.Popen[str]:
        """Start a process with pipes for standard input and output; its errors go to ``NAME.log``."""
        with pinned(where), (self.directory / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                start_new_session=True,
            )
        self._stack.callback(self._stop, process.pid)
        self._processes[process.pid] = process
        return process

    def log_tail(self, name: str) -> str:
        """The last lines a process wrote."""
        log = self.directory / f"{name}.log"
        return log.read_text(errors="replace")[-600:] if log.exists() else ""

    def first_line(self, name: str, process: subprocess.Popen[str]) -> str:
        """What a process of ours prints once it listens."""
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise CannotRun(f"{name} did not start:\n{self.log_tail(name)}")
        return line

    def storage(self, corpus: Corpus, elements: Sequence[Element]) -> list[str]:
        """Storage elements in one process; their base URLs."""
        process = self.start("storage", python("-m", "benchmarks.storage"), self.other_cores)
        assert process.stdin is not None
        settings = {"corpus": corpus.as_json(), "elements": [asdict(one) for one in elements]}
        process.stdin.write(json.dumps(settings) + "\n")
        process.stdin.flush()
        urls: list[str] = json.loads(self.first_line("storage", process))
        return urls

    def nginx(self, location: str) -> Server:
        """The yardstick: one nginx worker that answers a constant 302."""
        return self._nginx("nginx", "nginx.conf", self.server_cores, "127.0.0.1", LOCATION=location)

    def nginx_200(self, body: str) -> Server:
        """The yardstick for answers with a body: one nginx worker that answers 200 with these few bytes."""
        return self._nginx("nginx200", "nginx_200.conf", self.server_cores, "127.0.0.1", BODY=body)

    def nginx_files(
        self, name: str, root: Path, where: set[int], host: str = "127.0.0.1"
    ) -> Server:
        """One nginx worker that answers with files: GET with the one of that name, PROPFIND of ``/a/`` with ``/a/DEPTH.xml``."""
        return self._nginx(name, "nginx_files.conf", where, host, ROOT=str(root))

    def nginx_proxy(self, storage: Server) -> Server:
        """The yardstick for bytes that are passed on: one nginx worker in front of that storage."""
        address = f"{storage.host}:{storage.port}"
        return self._nginx(
            "proxy", "nginx_proxy.conf", self.server_cores, "127.0.0.1", STORAGE=address
        )

    def _nginx(self, name: str, template: str, where: set[int], host: str, **values: str) -> Server:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            raise CannotRun("nginx is not installed (Debian: apt install nginx-light)")
        port = free_port(host)
        directory = self.directory / f"{name}.d"
        directory.mkdir(mode=0o755)
        text = (HERE / "peers" / template).read_text()
        values |= {"DIRECTORY": str(directory), "LISTEN": f"{host}:{port}"}
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        configuration = directory / "nginx.conf"
        configuration.write_text(text)
        log = str(self.directory / f"{name}.log")
        process = self.start(name, [program, "-e", log, "-c", str(configuration)], where)
        programs.note("nginx", environment.nginx_version())
        return self._await_http(name, process, port, "/", host)

    def bare_aiohttp(self, location: str) -> Server:
        """The ceiling of the HTTP library: a constant 302 from an aiohttp handler."""
        process = self.start(
            "bare", python("-m", "benchmarks.peers.bare_aiohttp", location), self.server_cores
        )
        port = int(self.first_line("bare", process))
        return Server("127.0.0.1", port, process.pid)

    def gateway(self, name: str, settings: Mapping[str, object]) -> Server:
        """The gateway, one worker, configured by ``settings`` (``listen`` and ``admin`` are added)."""
        port = free_port()
        service = {"listen": [f"127.0.0.1:{port}"], "admin": "", "workers": 1, "access_log": ""}
        given = settings.get("service", {})
        assert isinstance(given, Mapping)
        file = self.directory / f"{name}.toml"
        file.write_text(render_toml({**settings, "service": {**service, **given}}))
        process = self.start(
            name, python("-m", "ugrpy", "serve", "--config", str(file)), self.server_cores
        )
        return self._await_http(name, process, port, "/readyz")

    def shoal(self, name: str, settings: str) -> Server:
        """A shoalpy server, configured by this TOML (``server.listen`` is added)."""
        port = free_port()
        file = self.directory / f"{name}.toml"
        file.write_text(settings)
        command = ("-m", "shoalpy", "server", "--config", str(file), f"--listen=127.0.0.1:{port}")
        process = self.start(name, python(*command), self.server_cores)
        return self._await_http(name, process, port, "/readyz")

    def _await_http(
        self,
        name: str,
        process: subprocess.Popen[str],
        port: int,
        path: str,
        host: str = "127.0.0.1",
    ) -> Server:
        """Wait until ``path`` is answered with something below 400."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and process.poll() is None:
            try:
                status, _, _ = fetch(port, "GET", path, host=host)
            except OSError:
                time.sleep(0.05)
                continue
            if status < 400:
                return Server(host, port, process.pid)
            time.sleep(0.05)
        raise CannotRun(f"{name} did not come up:\n{self.log_tail(name)}")

    def cpu_s(self, besides: Server) -> float:
        """CPU seconds of all that was started here and runs, one server aside."""
        return sum(procfs.cpu_s(pid) for pid in self._processes if pid != besides.pid)

    def stop(self, server: Server) -> None:
        """Stop a server now instead of at the end."""
        self._stop(server.pid)

    def _stop(self, pid: int) -> None:
        if (process := self._processes.pop(pid, None)) is not None:
            stop(process)


def python(*arguments: str) -> list[str]:
    """The command line of this interpreter."""
    return [sys.executable, *arguments]


def stop(process: subprocess.Popen[str]) -> None:
    """End a process group of ours: politely, then for good."""
    for number, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, STOP_S)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(patience_s)
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait(STOP_S)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def fetch(
    port: int,
    method: str,
    path: str,
    *,
    host: str = "127.0.0.1",
    source: str = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 20.0,
) -> tuple[int, Mapping[str, str], bytes]:
    """One request on a connection of its own, redirects not followed: status, headers (lower case), body."""
    connection = http.client.HTTPConnection(
        host, port, timeout=timeout_s, source_address=(source, 0)
    )
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


def render_toml(tree: Mapping[str, object]) -> str:
    """Tables of scalars, lists and tables of those, as TOML. Strings must need no escapes but JSON's."""
    lines: list[str] = []
    _render_table(tree, "", lines)
    return "\n".join(lines) + "\n"


def _render_table(table: Mapping[str, object], prefix: str, lines: list[str]) -> None:
    nested = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines += [f"{key} = {json.dumps(table[key])}" for key in table if key not in nested]
    for key, value in nested.items():
        lines.append(f"\n[{prefix}{key}]")
        _render_table(value, f"{prefix}{key}.", lines)
