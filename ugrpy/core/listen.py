"""Where a service listens: a TCP address or a local socket."""

from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True, slots=True)
class Listen:
    """A TCP address to listen on; port 0 lets the system choose. ``str()`` gives it back as it is written."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def clashes_with(self, other: "Listen") -> bool:
        """Both cannot be bound: one port, and one host or one of them every address."""
        everywhere = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
        same_host = self.host == other.host or bool(everywhere & {self.host, other.host})
        return self.port == other.port != 0 and same_host


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """A local socket to listen on, by absolute path."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = Listen | UnixSocket
