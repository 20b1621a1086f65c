"""What is a storage server to the tests?"""

from dataclasses import dataclass
from pathlib import Path

from tests.parity import peers_used
from tests.peers.process import ServerProcess


@dataclass(slots=True)
class PeerServer:
    """A real server that exports ``root`` at ``url`` (no trailing slash).

    ``access_log`` has one line a request, ``METHOD PATH STATUS``, where the server can write it.
    """

    name: str
    version: str
    root: Path
    process: ServerProcess
    access_log: Path | None = None

    @property
    def url(self) -> str:
        """``http://address:port``; stays the same when the server is stopped and started."""
        return f"http://{self.process.address}:{self.process.port}"

    def start(self) -> None:
        """Run it and say that it takes part. After ``stop`` it comes back on the same port."""
        self.process.start()
        peers_used.record(self.name, self.version)

    def stop(self) -> None:
        """End it; connections are refused from now on."""
        self.process.stop()

    def pause(self) -> None:
        """Let it hang: connections succeed and are never answered."""
        self.process.pause()

    def resume(self) -> None:
        """Let it answer again."""
        self.process.resume()

    def write(self, name: str, data: bytes = b"") -> Path:
        """Put a file below the root so that the server, whichever user it runs as, may replace or delete it."""
        path = self.root / name.lstrip("/")
        self.make_directory(str(path.parent.relative_to(self.root)))
        path.write_bytes(data)
        path.chmod(0o666)
        return path

    def make_directory(self, name: str) -> Path:
        """Make a directory, and those above it, where the server may write."""
        path = self.root
        for part in Path(name.lstrip("/")).parts:
            path = path / part
            if not path.exists():
                path.mkdir()
                path.chmod(0o777)
        return path

    def requests(self) -> list[str]:
        """The requests seen so far as ``METHOD PATH STATUS``; empty for servers without an access log."""
        if self.access_log is None or not self.access_log.exists():
            return []
        return self.access_log.read_text(errors="replace").splitlines()
