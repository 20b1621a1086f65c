"""Who am I, seen from there? ``/fsad.conf`` tells agents and jobs their address as the rest of the world sees it (reference section 10.1).

``/external``, which it succeeded, says the same.
"""

from collections.abc import Mapping

from shoalpy.model import Address

PATHS = ("/fsad.conf", "/external")
CONTENT_TYPE = "text/plain; charset=utf-8"


def render_fsad(caller: Address | None, more: Mapping[str, str]) -> str:
    """``external_ip=`` and what the operator adds, a line each; a caller on a local socket has no address."""
    lines = [f"external_ip={caller or ''}", *(f"{name}={value}" for name, value in more.items())]
    return "\n".join(lines) + "\n"
