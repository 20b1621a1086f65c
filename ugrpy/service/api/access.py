"""Who asks, and may they? Bearer tokens (RFC 6750) of an API, and roles by name.

Tokens are made by us of 256 random bits, so a plain SHA-256 keeps them: nobody can try them all, which is what slow hashes for passwords
are against. Only the hashes are configured and kept. A token has roles; an operator's usually has the reader's too.
"""

import hmac
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address

from aiohttp import hdrs, web

from ugrpy.core.errors import ConfigError, Forbidden
from ugrpy.security.identity import ANONYMOUS, Identity
from ugrpy.service.api.problem import Unauthorized
from ugrpy.service.api.table import PUBLIC

Identify = Callable[[web.Request], Identity]
"""Says who asks, or raises ``Unauthorized`` for a credential that does not count."""

Authorise = Callable[[Identity, str], None]
"""Raises ``Unauthorized`` or ``Forbidden`` when the identity may not act in this role."""

AddressOf = Callable[[web.Request], IPv4Address | IPv6Address | None]

# b64token of RFC 6750 section 2.1
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
_SHA256_HEX = re.compile(r"[0-9a-f]{64}")


def nobody_in_particular(request: web.Request) -> Identity:
    """For services that know no credentials."""
    return ANONYMOUS


def require_role(identity: Identity, role: str) -> None:
    """Anybody may act as ``public``; otherwise the role has to be among the identity's groups."""
    if role == PUBLIC or role in identity.groups:
        return
    if identity.anonymous:
        raise Unauthorized(f"this needs a token with the role {role}")
    raise Forbidden(f"{identity.name} does not have the role {role}")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is configured: whose it is, its hash (``hash_token``), and what it is good for."""

    name: str
    sha256: str
    roles: tuple[str, ...]


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What is kept of it: the SHA-256 in hexadecimal."""
    return sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


class ApiTokens:
    """An ``Identify``: the identity is named after the token, its groups are the token's roles.

    ``address_of`` tells the client's address. Raises ``ConfigError`` for hashes that are none and names used twice.
    """

    def __init__(
        self,
        tokens: Iterable[ApiToken],
        *,
        realm: str = "api",
        address_of: AddressOf = lambda request: None,
    ) -> None:
        self._known: list[tuple[bytes, ApiToken]] = []
        self._address_of = address_of
        self._challenge = f'Bearer realm="{realm}", error="invalid_token"'
        names: set[str] = set()
        for token in tokens:
            if not token.name or token.name in names:
                raise ConfigError("each token has a name of its own", where=f"token {token.name!r}")
            if not _SHA256_HEX.fullmatch(token.sha256):
                raise ConfigError("no SHA-256 in hexadecimal", where=f"token {token.name!r}")
            names.add(token.name)
            self._known.append((bytes.fromhex(token.sha256), token))

    def __repr__(self) -> str:
        return f"ApiTokens({', '.join(token.name for _hash, token in self._known)})"

    def __call__(self, request: web.Request) -> Identity:
        """The identity of a request; anonymous without a bearer token. Raises ``Unauthorized`` for a token nobody has."""
        address = self._address_of(request)
        header = request.headers.get(hdrs.AUTHORIZATION, "")
        if header[:7].lower() != "bearer ":
            return Identity(address=address)
        match = _BEARER.fullmatch(header)
        token = self._find(match[1]) if match else None
        if token is None:
            raise Unauthorized("this token is not known here", challenge=self._challenge)
        return Identity(name=token.name, groups=token.roles, address=address)

    def _find(self, presented: str) -> ApiToken | None:
        """Compare with every token, the right one found or not, so that the time it takes tells nothing."""
        digest = sha256(presented.encode("ascii")).digest()
        found = None
        for known, token in self._known:
            if hmac.compare_digest(known, digest):
                found = token
        return found
