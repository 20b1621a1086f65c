"""How single settings are written that more than one service has: listen addresses, URLs, names.

Each ``parse_`` function takes the text of the configuration and raises ``ValueError`` with what was wrong and what
was expected. They are pure; the models name them as validators.
"""

import difflib
import re
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import SplitResult, urlsplit

from ugrpy.core.listen import Listen, UnixSocket
from ugrpy.core.urls import decode_path, encode_path

# The name of a table such as ``[endpoints.NAME]`` appears in URLs of the admin listener, in metrics and in headers.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"

# as it is written -> what is spoken
PLAIN_SCHEMES: Mapping[str, str] = MappingProxyType({"http": "http", "https": "https"})

_HOST_AND_PORT = re.compile(r"(?:\[(?P<v6>[^\]]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})")
_MAX_PORT = 65535


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


def parse_url(text: str, schemes: Mapping[str, str] = PLAIN_SCHEMES) -> str:
    """A base URL: one of ``schemes``, lower-case host, path percent-encoded, no trailing slash."""
    if not text.isascii() or re.search(r"[\x00-\x20\x7f]", text):
        raise ValueError("a URL is printable ASCII without spaces (percent-encode the rest)")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"not a URL, its host or port is malformed: {_shown(text)}") from None
    _refuse_extras(parts, text, schemes)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    path = decode_path(parts.path)
    if {".", ".."} & set(path.split("/")):
        raise ValueError(f"the path must not hold '.' or '..', got {_shown(text)}")
    shown_port = "" if port is None else f":{port}"
    return f"{schemes[parts.scheme]}://{host}{shown_port}{encode_path(path)}".rstrip("/")


def _refuse_extras(parts: SplitResult, text: str, schemes: Mapping[str, str]) -> None:
    if "@" in parts.netloc:
        raise ValueError("a URL must not hold a user name or password; logs and clients see it")
    if parts.scheme not in schemes:
        raise ValueError(f"expected a URL with {_either(list(schemes))}, got {_shown(text)}")
    if not parts.hostname:
        raise ValueError(f"the URL has no host: {_shown(text)}")
    if "?" in text or "#" in text:
        raise ValueError(f"a base URL has neither query nor fragment, got {_shown(text)}")


def _either(words: list[str]) -> str:
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _shown(text: str) -> str:
    """The URL, unless it may hold a password that was put in the wrong place."""
    return "something with '@'" if "@" in text else repr(text)


def suggest(word: str, known: Collection[str]) -> str:
    """A near miss, or all there is."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(known))}"
