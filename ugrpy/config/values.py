"""How single settings are written: listen addresses, URLs, mounts, prefixes, kinds.

Each ``parse_`` function takes the text of the configuration and raises ``ValueError`` with what was wrong and what
was expected. They are pure; the models name them as validators.
"""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from ugrpy.core.errors import BadRequest
from ugrpy.core.urls import decode_path, encode_path
from ugrpy.endpoints.registry import KINDS
from ugrpy.namespace.paths import Mount, normalise

# dav and davs are how grid tools spell WebDAV over HTTP (davix, gfal2, Rucio)
_SCHEMES = {"http": "http", "https": "https", "dav": "http", "davs": "https"}
_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})")
_MAX_PORT = 65535


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


def parse_listen(value: object) -> Listen:
    """``127.0.0.1:8080``, ``[::1]:8080``, ``localhost:8080``."""
    if isinstance(value, Listen):
        return value
    match = _HOST_AND_PORT.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match["port"]) > _MAX_PORT:
        raise ValueError(f"expected host:port or [v6 address]:port, got {value!r}")
    if match["v6"]:
        try:
            return Listen(str(ip_address(match["v6"])), int(match["port"]))
        except ValueError:
            raise ValueError(f"expected an IPv6 address in the brackets, got {value!r}") from None
    return Listen(match["host"], int(match["port"]))


def parse_admin(value: object) -> Listen | UnixSocket | None:
    """A loopback address, ``unix:/absolute/path``, or ``""`` for none."""
    if value == "":
        return None
    if isinstance(value, str) and value.startswith("unix:"):
        path = value.removeprefix("unix:")
        if not path.startswith("/"):
            raise ValueError(f"expected unix: and an absolute path, got {value!r}")
        return UnixSocket(path)
    listen = parse_listen(value)
    if not listen.loopback:
        raise ValueError(
            f"expected a loopback address or unix:/path, got {value!r}: "
            "it shows everything to whoever reaches it"
        )
    return listen


def parse_url(text: str) -> str:
    """An endpoint's base URL: scheme http or https, lower-case host, path percent-encoded, no trailing slash."""
    if not text.isascii() or re.search(r"[\x00-\x20\x7f]", text):
        raise ValueError("a URL is printable ASCII without spaces (percent-encode the rest)")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"not a URL, its host or port is malformed: {_shown(text)}") from None
    _refuse_extras(parts, text)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    path = decode_path(parts.path)
    if {".", ".."} & set(path.split("/")):
        raise ValueError(f"the path must not hold '.' or '..', got {_shown(text)}")
    shown_port = "" if port is None else f":{port}"
    return f"{_SCHEMES[parts.scheme]}://{host}{shown_port}{encode_path(path)}".rstrip("/")


def _refuse_extras(parts: SplitResult, text: str) -> None:
    if "@" in parts.netloc:
        raise ValueError("a URL must not hold a user name or password; logs and clients see it")
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"expected a URL with http, https, dav or davs, got {_shown(text)}")
    if not parts.hostname:
        raise ValueError(f"the URL has no host: {_shown(text)}")
    if "?" in text or "#" in text:
        raise ValueError(f"a base URL has neither query nor fragment, got {_shown(text)}")


def _shown(text: str) -> str:
    """The URL, unless it may hold a password that was put in the wrong place."""
    return "something with '@'" if "@" in text else repr(text)


def parse_prefix(text: str) -> str:
    """A federated path: absolute, without ``..``; repeated and trailing slashes go."""
    if not text.startswith("/"):
        raise ValueError(f"expected a path that starts with '/', got {text!r}")
    try:
        return normalise(text)
    except BadRequest as error:
        raise ValueError(f"{error}: {text!r}") from None


def parse_mount(value: object) -> Mount:
    """``/federated = /on/the/endpoint``, or only ``/federated`` when it is the endpoint's root that lies there.

    A path that itself holds ``=/`` needs the blanks around the separator.
    """
    if isinstance(value, Mount):
        return value
    if not isinstance(value, str):
        raise ValueError(f"expected '/federated = /on/the/endpoint', got {value!r}")  # noqa: TRY004 - pydantic collects ValueError
    prefix, *target = re.split(r"\s+=\s+", value.strip(), maxsplit=1)
    if not target:
        prefix, *target = re.split(r"\s*=\s*(?=/)", value.strip(), maxsplit=1)
    return Mount(parse_prefix(prefix), parse_prefix(target[0]) if target else "/")


def check_mounts(mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Refuse an empty list and a federated path mounted twice."""
    if not mounts:
        raise ValueError('an endpoint without mounts holds nothing; "/" mounts it at the root')
    seen: set[str] = set()
    for mount in mounts:
        if mount.prefix in seen:
            raise ValueError(f"{mount.prefix} is mounted twice")
        seen.add(mount.prefix)
    return mounts


def check_kind(kind: str) -> str:
    """Refuse a kind that the registry does not know."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; {suggest(kind, KINDS)}")
    return kind


def suggest(word: str, known: Collection[str]) -> str:
    """A near miss, or all there is."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
