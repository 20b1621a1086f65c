"""Bearer tokens and roles: who gets in, and what is never told."""

import hmac
from ipaddress import ip_address

import pytest
from aiohttp.test_utils import make_mocked_request

from ugrpy.core.errors import ConfigError, Forbidden
from ugrpy.security.identity import ANONYMOUS, Identity
from ugrpy.service.api.access import (
    ApiToken,
    ApiTokens,
    hash_token,
    new_token,
    nobody_in_particular,
    require_role,
)
from ugrpy.service.api.problem import Unauthorized

ADDRESS = ip_address("192.0.2.7")


def tokens() -> ApiTokens:
    known = [
        ApiToken("one", hash_token("secret-one"), ("reader",)),
        ApiToken("two", hash_token("secret-two=="), ("reader", "operator")),
    ]
    return ApiTokens(known, realm="here", address_of=lambda request: ADDRESS)


def asked(authorization: str | None):
    headers = {} if authorization is None else {"Authorization": authorization}
    return make_mocked_request("GET", "/", headers=headers)


@pytest.mark.parametrize(
    ("authorization", "identity"),
    [
        (None, Identity(address=ADDRESS)),
        ("Basic c2VjcmV0LW9uZQ==", Identity(address=ADDRESS)),
        ("Bearer secret-one", Identity("one", ("reader",), ADDRESS)),
        ("bEARER  secret-one ", Identity("one", ("reader",), ADDRESS)),
        ("Bearer secret-two==", Identity("two", ("reader", "operator"), ADDRESS)),
    ],
)
async def test_who_asks(authorization, identity):
    assert tokens()(asked(authorization)) == identity


@pytest.mark.parametrize(
    "token", ["", "secret", "secret-one=", "Secret-one", "secret-one secret-two", "é"]
)
async def test_a_token_that_nobody_has_is_refused_and_not_repeated(token):
    with pytest.raises(Unauthorized, match="not known here") as refused:
        tokens()(asked(f"Bearer {token}"))
    assert refused.value.challenge == 'Bearer realm="here", error="invalid_token"'
    assert not token or token not in str(refused.value)


async def test_every_token_is_compared_in_constant_time(monkeypatch):
    compared = []

    def compare(one, other):
        compared.append(one)
        return one == other

    everybody = tokens()
    monkeypatch.setattr(hmac, "compare_digest", compare)
    everybody(asked("Bearer secret-one"))
    assert len(compared) == 2


def test_tokens_are_long_and_different_and_shown_by_name_only():
    made = {new_token() for _ in range(5)}
    assert len(made) == 5
    assert all(len(token) >= 43 for token in made)
    assert repr(tokens()) == "ApiTokens(one, two)"
    assert hash_token("abc").startswith("ba7816bf")


@pytest.mark.parametrize(
    ("configured", "said"),
    [
        ([("a", "secret")], "token 'a': no SHA-256"),
        ([("a", "A" * 64)], "token 'a': no SHA-256"),
        ([("", "0" * 64)], "token '': each token has a name of its own"),
        ([("a", "0" * 64), ("a", "1" * 64)], "token 'a': each token"),
    ],
)
def test_tokens_that_cannot_be_kept_are_refused_at_the_start(configured, said):
    with pytest.raises(ConfigError, match=said):
        ApiTokens(ApiToken(name, sha256, ()) for name, sha256 in configured)


def test_roles():
    require_role(ANONYMOUS, "public")
    require_role(Identity("one", ("reader",)), "reader")
    with pytest.raises(Unauthorized, match="a token with the role reader"):
        require_role(ANONYMOUS, "reader")
    with pytest.raises(Forbidden, match="one does not have the role operator"):
        require_role(Identity("one", ("reader",)), "operator")


async def test_without_credentials_everybody_is_nobody():
    assert nobody_in_particular(asked("Bearer secret-one")) is ANONYMOUS
