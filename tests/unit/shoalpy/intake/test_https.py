"""A heartbeat is posted and signed, and the answer says what became of it."""

import json
from ipaddress import ip_address

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from shoalpy.intake.counts import Counts
from shoalpy.intake.https import PATH, BeatsOverHttps
from shoalpy.intake.taking import Intake
from shoalpy.registry import Registry, RegistryPolicy
from shoalpy.signing import Algorithm, Key, Verifier, sign
from shoalpy.wire import MAX_BEAT_BYTES, Reason
from ugrpy.locality.facts import UNKNOWN_FACTS
from ugrpy.testing import FakeClock

NOW = 1_795_365_733.0
OURS = Key("ours", Algorithm.HMAC_SHA256, b"o" * 32)
THEIRS = Key("theirs", Algorithm.HMAC_SHA256, b"t" * 32)


class Agent:
    """Posts to the handler."""

    def __init__(self, client, intake):
        self.client, self.intake, self._numbers = client, intake, iter(range(1000))

    async def post(self, body, key=OURS, headers=None):
        if headers is None:
            nonce = f"n{next(self._numbers)}"
            headers = sign(key, path=PATH, body=body, now_s=NOW, nonce=nonce)
        async with self.client.post(PATH, data=body, headers=headers) as answer:
            return answer, await answer.json(content_type=None)


@pytest.fixture
async def agent():
    intake = Intake(Registry(RegistryPolicy(max_caches=2)), lambda _a: UNKNOWN_FACTS, Counts(), FakeClock(wall_s=NOW))  # fmt: skip
    verifier = Verifier({key.key_id: key for key in (OURS, THEIRS)})
    beats = BeatsOverHttps(intake, verifier, address_of=lambda _request: ip_address("192.0.2.99"))
    app = web.Application()
    app.router.add_route("*", PATH, beats.__call__)
    async with TestClient(TestServer(app)) as client:
        yield Agent(client, intake)


def body(key="a", **said):
    beat = {"uuid": key, "hostname": f"{key}.example", "timestamp": NOW, "load": 1, "cache_port": 3128, "public_ip": "192.0.2.1"}  # fmt: skip
    return json.dumps({**beat, **said}).encode()


def goodbye(key="a"):
    return json.dumps({"uuid": key, "goodbye": True}).encode()


async def test_it_registers_and_leaves(agent):
    answer, said = await agent.post(body())
    assert answer.status == 200
    assert said == {"key": "a", "health": "pending", "message": "", "address": "192.0.2.99"}
    assert [one.beat.signer for one in agent.intake.registry.live(NOW)] == ["ours"]

    _answer, said = await agent.post(goodbye())
    assert said == {"key": "a", "goodbye": True, "was_there": True}
    assert list(agent.intake.registry.live(NOW)) == []


async def refusal(agent, *args, **kwargs):
    before = agent.intake.registry.version
    answer, said = await agent.post(*args, **kwargs)
    assert answer.content_type == "application/problem+json"
    assert said["status"] == answer.status
    assert agent.intake.registry.version == before
    if "reason" in said:
        assert agent.intake.counts.by_reason()[Reason(said["reason"])] >= 1
    return answer.status, said.get("reason")


async def test_an_unsigned_one_is_told_that_a_signature_is_needed(agent):
    answer, said = await agent.post(body(), headers={})
    assert (answer.status, said["reason"]) == (401, "bad_signature")
    assert answer.headers["WWW-Authenticate"] == "Signature"


async def test_each_refusal_has_its_status(agent):
    await agent.post(body())
    headers = sign(OURS, path=PATH, body=body(), now_s=NOW, nonce="once")
    assert (await agent.post(body(), headers=headers))[0].status == 200

    assert await refusal(agent, body(), headers=headers) == (409, "replayed")
    assert await refusal(agent, body(load=2), headers=headers) == (401, "bad_signature")
    assert await refusal(agent, body(), THEIRS) == (403, "not_the_owner")
    assert await refusal(agent, goodbye(), THEIRS) == (403, "not_the_owner")
    assert await refusal(agent, body(load="x")) == (422, "bad_number")
    assert await refusal(agent, b"{") == (422, "not_json")
    assert await refusal(agent, b"x" * (MAX_BEAT_BYTES + 1)) == (413, "too_long")
    await agent.post(body("b", public_ip="192.0.2.2"))
    assert await refusal(agent, body("c", public_ip="192.0.2.3")) == (503, "too_many")


async def test_a_field_that_is_there_twice_is_refused(agent):
    headers = sign(OURS, path=PATH, body=body(), now_s=NOW, nonce="n")
    doubled = [*headers.items(), ("Signature", headers["Signature"])]
    assert await refusal(agent, body(), headers=doubled) == (401, "bad_signature")


async def test_other_methods_are_told_which_one(agent):
    async with agent.client.get(PATH) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_coded_content_is_refused_before_it_is_read(agent):
    headers = {**sign(OURS, path=PATH, body=body(), now_s=NOW, nonce="n"), "Content-Encoding": "compress"}  # fmt: skip
    answer, _said = await agent.post(body(), headers=headers)
    assert answer.status == 415
