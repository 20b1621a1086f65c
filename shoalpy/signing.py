"""Who sent this heartbeat? HTTP message signatures (RFC 9421) over method, path and content, with keys the operator handed out.

A request is signed like this, the content by its digest (RFC 9530)::

    POST /v2/heartbeats HTTP/1.1
    Content-Digest: sha-256=:uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=:
    Signature-Input: beat=("@method" "@path" "content-digest");created=1795365733;keyid="uvic";alg="hmac-sha256";nonce="b9…";tag="shoalpy-beat"
    Signature: beat=:f0l…:

Host and scheme are left out, since a proxy in front may change them. A signature is good for ``window_s`` around its ``created``, and once:
those seen are remembered for as long as they would be good. A server that restarts forgets them; what could be repeated then is a
heartbeat that the table it kept already outdates, or a goodbye that the next heartbeat undoes.

A keys file has a line for each key: its id, the algorithm and the key in base64 (``hmac-sha256``: the shared secret, 32 bytes
or more; ``ed25519``: the 32 bytes of the public key for a server, of the private key for an agent)::

    uvic     hmac-sha256  mkRl3oYfXc8u9mZpV6nJcQm3yW4tKQ0aVd1v6y0b2nE=
    triumf   ed25519      JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
"""

import base64
import binascii
import datetime
import re
from collections import OrderedDict
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric import ed25519
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from shoalpy.wire import BadBeat, Reason
from ugrpy.core.errors import ConfigError

TAG = "shoalpy-beat"
COMPONENTS = ("@method", "@path", "content-digest")
LEAST_SECRET_BYTES = 32
_KEY_ID = re.compile(r"[A-Za-z0-9._:@/-]{1,64}")
# The library wants an absolute URL; host and scheme are not signed.
_ANYWHERE = "https://shoal.invalid"


class Algorithm(StrEnum):
    """Names of RFC 9421 section 6.2.2."""

    HMAC_SHA256 = "hmac-sha256"
    ED25519 = "ed25519"


_LIBRARY = {
    Algorithm.HMAC_SHA256: algorithms.HMAC_SHA256,
    Algorithm.ED25519: algorithms.ED25519,
}


@dataclass(frozen=True, slots=True)
class Key:
    """A key and whose it is. ``secret`` holds the bytes of the file, which for Ed25519 on a server are public."""

    key_id: str
    algorithm: Algorithm
    secret: bytes

    def __repr__(self) -> str:
        return f"<Key {self.key_id} {self.algorithm}>"


def parse_keys(text: str, *, where: str = "keys file") -> dict[str, Key]:
    """The keys of a file by id. Raises ``ConfigError`` naming the line, never the key."""
    keys: dict[str, Key] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        key = _parse_key(words, f"{where}:{number}")
        if key.key_id in keys:
            raise ConfigError(f"the key {key.key_id} is there twice", where=f"{where}:{number}")
        keys[key.key_id] = key
    return keys


def sign(key: Key, *, path: str, body: bytes, now_s: float, nonce: str) -> dict[str, str]:
    """The header fields that make ``POST path`` with this content a signed heartbeat. ``nonce`` differs each time."""
    message = _Message("POST", _ANYWHERE + path, {})
    signer = HTTPMessageSigner(
        signature_algorithm=_LIBRARY[key.algorithm], key_resolver=_OneKey(key)
    )
    signer.sign(
        message,
        key_id=key.key_id,
        created=datetime.datetime.fromtimestamp(now_s, datetime.UTC),
        nonce=nonce,
        label="beat",
        tag=TAG,
        covered_component_ids=COMPONENTS,
        body=body,
    )
    return dict(message.headers)


class Verifier:
    """Knows the keys and the signatures it has seen."""

    def __init__(self, keys: Mapping[str, Key], *, window_s: float = 60.0) -> None:
        self._keys = keys
        self._window_s = window_s
        # what was seen, and until when it would be good; oldest first
        self._seen: OrderedDict[tuple[str, str], float] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Verifier {len(self._keys)} keys, {len(self._seen)} signatures seen>"

    def signer_of(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, now_s: float
    ) -> str:
        """The id of the key that signed this request. Raises ``BadBeat``: bad signature, or one seen before.

        ``path`` is as on the wire, without the query; ``headers`` may hold a field once only.
        """
        message = _Message(method, _ANYWHERE + path, dict(headers))
        key = self._key_named_in(headers)
        verifier = _AtTime(
            now_s, self._window_s, signature_algorithm=_LIBRARY[key.algorithm], key_resolver=_OneKey(key)
        )  # fmt: skip
        try:
            [result] = verifier.verify(
                message, max_age=None, expect_tag=TAG, require_components=COMPONENTS, body=body
            )
        except (HTTPMessageSignaturesException, ValueError, TypeError) as error:
            raise BadBeat(Reason.BAD_SIGNATURE, ascii(str(error))[1:-1][:200]) from None
        self._remember(key.key_id, result.nonce, now_s)
        return key.key_id

    def _key_named_in(self, headers: Mapping[str, str]) -> Key:
        """The library is told the algorithm, which is the key's and not the sender's choice; so the key is looked up first."""
        for name, value in headers.items():
            if name.lower() == "signature-input":
                found = re.findall(r';\s*keyid="([^"]*)"', value)
                if len(found) == 1 and found[0] in self._keys:
                    return self._keys[found[0]]
                raise BadBeat(Reason.BAD_SIGNATURE, "signed by no key that is known here")
        raise BadBeat(Reason.BAD_SIGNATURE, "not signed: Signature-Input is missing")

    def _remember(self, key_id: str, nonce: str | None, now_s: float) -> None:
        if not nonce or len(nonce) > 128:
            raise BadBeat(Reason.BAD_SIGNATURE, "expected a nonce of 1 to 128 characters")
        while self._seen and next(iter(self._seen.values())) < now_s:
            self._seen.popitem(last=False)
        if (key_id, nonce) in self._seen:
            raise BadBeat(Reason.REPLAYED, "this very request has come before")
        # created may lie a window ahead, and is good for a window after that
        self._seen[key_id, nonce] = now_s + 2 * self._window_s + 1


@dataclass(slots=True)
class _Message:
    method: str
    url: str
    headers: MutableMapping[str, str]


class _OneKey(HTTPSignatureKeyResolver):
    def __init__(self, key: Key) -> None:
        self._key = key

    def resolve_public_key(self, key_id: str) -> bytes | ed25519.Ed25519PublicKey:
        if key_id != self._key.key_id:
            raise ValueError("another key")
        if self._key.algorithm is Algorithm.ED25519:
            return ed25519.Ed25519PublicKey.from_public_bytes(self._key.secret)
        return self._key.secret

    def resolve_private_key(self, key_id: str) -> bytes | ed25519.Ed25519PrivateKey:
        if self._key.algorithm is Algorithm.ED25519:
            return ed25519.Ed25519PrivateKey.from_private_bytes(self._key.secret)
        return self._key.secret


class _AtTime(HTTPMessageVerifier):
    """Judges times by the clock it is given, with one window for the past and the future."""

    def __init__(self, now_s: float, window_s: float, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self._now_s = now_s
        self._window_s = window_s

    def validate_created_and_expires(self, sig_input, max_age=None):  # type: ignore[no-untyped-def]
        created = sig_input.params.get("created")
        expires = sig_input.params.get("expires")
        if type(created) is not int or abs(self._now_s - created) > self._window_s:
            raise HTTPMessageSignaturesException(
                f"created must be within {self._window_s:g} s of the server's clock"
            )
        if expires is not None and (type(expires) is not int or expires < self._now_s):
            raise HTTPMessageSignaturesException("expired")


def _parse_key(words: list[str], where: str) -> Key:
    if len(words) != 3:
        raise ConfigError("expected a key id, an algorithm and a key in base64", where=where)
    key_id, name, text = words
    if not _KEY_ID.fullmatch(key_id):
        raise ConfigError("expected a key id of up to 64 letters, digits and ._:@/-", where=where)
    try:
        algorithm = Algorithm(name)
    except ValueError:
        raise ConfigError(f"expected one of {', '.join(Algorithm)}", where=where) from None
    try:
        secret = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ConfigError("the key is not base64", where=where) from None
    if algorithm is Algorithm.ED25519 and len(secret) != 32:
        raise ConfigError(f"an Ed25519 key has 32 bytes, this has {len(secret)}", where=where)
    if len(secret) < LEAST_SECRET_BYTES:
        raise ConfigError(f"a secret has at least {LEAST_SECRET_BYTES} bytes", where=where)
    return Key(key_id, algorithm, secret)
