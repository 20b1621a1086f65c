"""Only who has a key can sign, only what was signed counts, and only once."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shoalpy.signing import Algorithm, Key, Verifier, parse_keys, sign
from shoalpy.wire import BadBeat, Reason
from ugrpy.core.errors import ConfigError

NOW = 1_795_365_733.4
PATH = "/v2/heartbeats"
BODY = b'{"uuid": "a"}'
SECRET = bytes(range(32))
HMAC = Key("uvic", Algorithm.HMAC_SHA256, SECRET)
PRIVATE = Key("triumf", Algorithm.ED25519, SECRET)
PUBLIC = Key(
    "triumf",
    Algorithm.ED25519,
    Ed25519PrivateKey.from_private_bytes(SECRET).public_key().public_bytes_raw(),
)
KEYS = {"uvic": HMAC, "triumf": PUBLIC}


def signed(key=HMAC, *, path=PATH, body=BODY, now_s=NOW, nonce="n1"):
    return sign(key, path=path, body=body, now_s=now_s, nonce=nonce)


def refused(headers, *, method="POST", path=PATH, body=BODY, now_s=NOW, verifier=None):
    with pytest.raises(BadBeat) as caught:
        (verifier or Verifier(KEYS)).signer_of(method, path, headers, body, now_s)
    return caught.value.reason


@pytest.mark.parametrize("key", [HMAC, PRIVATE])
def test_a_signed_request_names_its_key(key):
    assert Verifier(KEYS).signer_of("POST", PATH, signed(key), BODY, NOW) == key.key_id


def test_the_fields_are_those_of_the_standard():
    headers = signed()

    assert headers["Signature-Input"] == (
        'beat=("@method" "@path" "content-digest");created=1795365733;keyid="uvic";'
        'alg="hmac-sha256";nonce="n1";tag="shoalpy-beat"'
    )
    assert headers["Content-Digest"].startswith("sha-256=:")
    assert headers["Signature"].startswith("beat=:")


@pytest.mark.parametrize("key", [HMAC, PRIVATE])
def test_nothing_that_is_signed_can_be_changed(key):
    headers = signed(key)
    other = signed(key, body=b"{}")

    assert refused(headers, body=BODY + b" ") is Reason.BAD_SIGNATURE
    assert refused(headers, path="/v2/caches") is Reason.BAD_SIGNATURE
    assert refused(headers, method="PUT") is Reason.BAD_SIGNATURE
    digest = {**headers, "Content-Digest": other["Content-Digest"]}
    assert refused(digest, body=b"{}") is Reason.BAD_SIGNATURE
    assert refused({**headers, "Signature": other["Signature"]}) is Reason.BAD_SIGNATURE
    for old, new in (("1795365733", "1795365734"), ('"n1"', '"n2"'), (' "content-digest"', "")):
        assert old in headers["Signature-Input"]
        altered = headers["Signature-Input"].replace(old, new)
        assert refused({**headers, "Signature-Input": altered}) is Reason.BAD_SIGNATURE


def test_a_key_signs_by_its_own_algorithm_only():
    # who knows the public key must not be able to use it as a shared secret
    forged = sign(Key("triumf", Algorithm.HMAC_SHA256, PUBLIC.secret), path=PATH, body=BODY, now_s=NOW, nonce="n")  # fmt: skip

    assert refused(forged) is Reason.BAD_SIGNATURE
    plain = {**forged, "Signature-Input": forged["Signature-Input"].replace(';alg="hmac-sha256"', "")}  # fmt: skip
    assert refused(plain) is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {name: value for name, value in signed().items() if name != "Signature"},
        {name: value for name, value in signed().items() if name != "Signature-Input"},
        {name: value for name, value in signed().items() if name != "Content-Digest"},
        {**signed(), "Signature-Input": "nonsense"},
        {**signed(), "Signature": "beat=:AAAA:"},
        {**signed(), "Signature": "beat=?1"},
        signed(Key("nobody", Algorithm.HMAC_SHA256, SECRET)),
        signed(Key("uvic", Algorithm.HMAC_SHA256, b"x" * 32)),
        signed(nonce="n" * 129),
        {**signed(), "Signature-Input": signed()["Signature-Input"] + ";é=1"},
    ],
)
def test_what_is_not_well_signed_is_refused(headers):
    assert refused(headers) is Reason.BAD_SIGNATURE


def test_a_signature_is_good_for_a_window_around_its_time():
    for ahead_s in (-59, 59):
        signed_at = signed(now_s=NOW + ahead_s)
        assert Verifier(KEYS).signer_of("POST", PATH, signed_at, BODY, NOW) == "uvic"
    for ahead_s in (-61, 61):
        assert refused(signed(now_s=NOW + ahead_s)) is Reason.BAD_SIGNATURE


def test_a_request_counts_once_for_as_long_as_it_would_be_good():
    verifier = Verifier(KEYS, window_s=60)
    early = signed(now_s=NOW + 55)
    verifier.signer_of("POST", PATH, early, BODY, NOW)

    for later_s in (0, 1, 60, 114):
        assert refused(early, verifier=verifier, now_s=NOW + later_s) is Reason.REPLAYED
    assert refused(early, verifier=verifier, now_s=NOW + 116) is Reason.BAD_SIGNATURE
    # the same nonce of another key is another request
    assert verifier.signer_of("POST", PATH, signed(PRIVATE), BODY, NOW) == "triumf"


def test_what_is_remembered_goes_when_it_is_no_good_any_more():
    verifier = Verifier(KEYS, window_s=10)
    for number in range(100):
        now_s = NOW + number
        verifier.signer_of("POST", PATH, signed(now_s=now_s, nonce=f"n{number}"), BODY, now_s)

    seen = int(repr(verifier).split(", ")[1].split()[0])
    assert seen <= 23


def test_a_refused_request_uses_up_no_nonce():
    verifier = Verifier(KEYS)
    assert refused(signed(), body=b"other", verifier=verifier) is Reason.BAD_SIGNATURE

    assert verifier.signer_of("POST", PATH, signed(), BODY, NOW) == "uvic"


def test_a_keys_file():
    encoded = base64.b64encode(SECRET).decode()
    public = base64.b64encode(PUBLIC.secret).decode()
    text = f"# agents\n\nuvic hmac-sha256 {encoded}  # Victoria\n  triumf\ted25519 {public}\n"

    assert parse_keys(text) == KEYS
    assert encoded not in repr(parse_keys(text))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("uvic", "expected a key id, an algorithm and a key"),
        ("uvic hmac-sha256 AAAA extra", "expected a key id, an algorithm and a key"),
        ('u"vic hmac-sha256 AAAA', "expected a key id of"),
        ("uvic rsa AAAA", "expected one of hmac-sha256, ed25519"),
        ("uvic hmac-sha256 A!", "not base64"),
        ("uvic hmac-sha256 AAAA", "at least 32 bytes"),
        ("uvic ed25519 AAAA", "has 32 bytes, this has 3"),
    ],
)
def test_a_keys_file_that_is_wrong_says_where_and_tells_no_key(line, problem):
    with pytest.raises(ConfigError, match=problem) as caught:
        parse_keys(f"\n{line}\n", where="keys")
    assert str(caught.value).startswith("keys:2: ")
    assert "AAAA" not in str(caught.value)


def test_a_key_cannot_be_there_twice():
    line = f"a hmac-sha256 {base64.b64encode(SECRET).decode()}\n"
    with pytest.raises(ConfigError, match="keys file:2: the key a is there twice"):
        parse_keys(line * 2)
