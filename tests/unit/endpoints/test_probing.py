"""Probes as an operator wants them: another method, another place, another answer."""

import pytest

from tests.faults.raw_server import RawServer, always, http
from ugrpy.endpoints.base import ProbePlan
from ugrpy.endpoints.dav import DavEndpoint
from ugrpy.endpoints.plainhttp import PlainHttpEndpoint
from ugrpy.namespace.model import EndpointId
from ugrpy.transport.options import TransportOptions

OK = http(200, body=b"0123456789")
UVIC = EndpointId("uvic")


async def probed(kind, plan: ProbePlan, answer: bytes):
    """The verdict, and the request that led to it."""
    async with RawServer(always(answer)) as server:
        endpoint = kind(UVIC, f"{server.url}/dav", TransportOptions(total_timeout_s=20))
        endpoint.probe_plan = plan
        probe = await endpoint.probe()
        await endpoint.close()
        return probe, server.requests[0]


@pytest.mark.parametrize(
    ("kind", "plan", "line", "depth"),
    [
        (DavEndpoint, ProbePlan(), "PROPFIND /dav/", "0"),
        (DavEndpoint, ProbePlan("HEAD"), "HEAD /dav/", None),
        (DavEndpoint, ProbePlan("OPTIONS", "/a b"), "OPTIONS /dav/a%20b", None),
        (PlainHttpEndpoint, ProbePlan(), "HEAD /dav/", None),
        (PlainHttpEndpoint, ProbePlan("GET", "/f"), "GET /dav/f", None),
        (PlainHttpEndpoint, ProbePlan("PROPFIND"), "PROPFIND /dav/", "0"),
    ],
)
async def test_what_is_asked(kind, plan, line, depth):
    probe, request = await probed(kind, plan, http(404))
    assert probe.alive
    assert f"{request.method} {request.target}" == line
    assert request.headers.get("depth") == depth
    assert (b"<" in request.body) is (kind is DavEndpoint and plan.method is None)


@pytest.mark.parametrize(
    ("plan", "answer", "alive", "refusing", "detail"),
    [
        (ProbePlan("GET", "/f", (200,)), OK, True, False, "GET answered 200"),
        (ProbePlan("GET", "/f", (200,), 10), OK, True, False, "GET answered 200"),
        (
            ProbePlan("GET", "/f", (200,), 11),
            OK,
            False,
            False,
            "GET gave 10 bytes, expected were 11",
        ),
        (ProbePlan("GET", "/f", (200,), 4), OK, False, False, "GET gave 10 bytes, expected were 4"),
        (
            ProbePlan("GET", "/f", (200,)),
            http(404),
            False,
            False,
            "GET answered 404, expected was 200",
        ),
        (
            ProbePlan(None, "/", (207, 301)),
            OK,
            False,
            False,
            "PROPFIND answered 200, expected was 207 or 301",
        ),
        (ProbePlan("GET", "/f", (200,)), http(403), True, True, "GET answered 403"),
        (ProbePlan("HEAD", "/", (503,)), http(503), True, False, "HEAD answered 503"),
        (
            ProbePlan("HEAD", "/", (503,)),
            http(500),
            False,
            False,
            "HEAD: the endpoint answered 500",
        ),
    ],
)
async def test_what_the_answer_amounts_to(plan, answer, alive, refusing, detail):
    probe, _ = await probed(DavEndpoint, plan, answer)
    assert (probe.alive, probe.refusing, probe.detail) == (alive, refusing, detail)
