"""Heartbeats over HTTPS: an agent without a broker, and strangers who would like to be one."""

import json
import time

import pytest

from shoalpy.signing import Algorithm, Key, sign
from tests.functional.shoalpy.publishing import until
from tests.functional.shoalpy.shoal import AGENT, GENEVA, Shoal, heartbeat

pytestmark = pytest.mark.functional
PATH = "/v2/heartbeats"


def _post(shoal: Shoal, body: bytes, headers: dict[str, str]):
    answer = shoal.ask(PATH, method="POST", headers=headers, body=body)
    return answer.status, json.loads(answer.body)


def _body(key: str, **said: object) -> bytes:
    return json.dumps(heartbeat(key, **said)).encode()


@pytest.mark.row("S25")
def test_a_signed_heartbeat_registers_a_cache_without_a_broker(shoal):
    body = _body("signed", public_ip="192.0.2.41")
    headers = sign(AGENT, path=PATH, body=body, now_s=time.time(), nonce="first")

    assert _post(shoal, body, headers)[0] == 200

    assert "signed" in shoal.hosts("/nearest/50", source=GENEVA)
    assert "broker" not in shoal.ask("/healthz").text


@pytest.mark.row("S25")
@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_stranger_registers_nothing(shoal, algorithm):
    body = _body("stranger")
    for key_id in ("nobody", AGENT.key_id):
        stranger = Key(key_id, algorithm, b"s" * 32)
        headers = sign(stranger, path=PATH, body=body, now_s=time.time(), nonce=algorithm)
        assert _post(shoal, body, headers)[0] == 401
    assert _post(shoal, body, {})[0] == 401

    assert "stranger" not in shoal.hosts("/all")


@pytest.mark.row("S25")
def test_what_was_signed_cannot_be_changed_or_sent_again(shoal):
    body = _body("once")
    headers = sign(AGENT, path=PATH, body=body, now_s=time.time(), nonce="once")
    old = sign(AGENT, path=PATH, body=body, now_s=time.time() - 600, nonce="old")

    assert _post(shoal, body.replace(b"192.0.2.1", b"192.0.2.2"), headers)[0] == 401
    assert _post(shoal, body, headers)[0] == 200
    status, said = _post(shoal, body, headers)
    assert (status, said["reason"]) == (409, "replayed")
    assert _post(shoal, body, old)[0] == 401


def test_a_goodbye_that_is_signed_is_believed(shoal):
    assert shoal.beat("going").status == 200
    unsigned = json.dumps({"uuid": "going", "goodbye": True}).encode()

    assert _post(shoal, unsigned, {})[0] == 401
    assert "going" in shoal.hosts("/all")
    assert shoal.post(unsigned).status == 200
    until(lambda: "going" not in shoal.hosts("/all"), limit_s=2)
