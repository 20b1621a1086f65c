"""What is left of a trouble when there are no connections? The same case in virtual time, below the same front end.

The endpoint in trouble is scripted to say what an adapter makes of it (``test_adapters`` holds the script to the adapters):
unknown by its cause, late, part of a listing that then breaks off, or silence. The gateway's handler and the whole
federation are the real ones, so the same oracle can judge; and since time is virtual, *when* is exact.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from aiohttp import web

from tests.faults.cases import CHILDREN, HEALTHY, HEALTHY_CHILDREN, PRESENT, VERBS, Case, companies
from tests.faults.catalogue import Effect, Trouble
from tests.faults.oracle import Outcome
from tests.unit.frontend.world import CLIENT, a_request
from ugrpy.federation import Federation, Member, Policies, Surroundings
from ugrpy.frontend.gateway import Gateway, GatewayOptions
from ugrpy.health.board import HealthBoard
from ugrpy.health.policy import HealthPolicy
from ugrpy.locality import Candidate, Place, Ranker, RankPolicy
from ugrpy.locality.model import PreferenceRule
from ugrpy.namespace.fanout import FanoutPolicy
from ugrpy.namespace.model import (
    Absent,
    Denied,
    EndpointId,
    Entry,
    Found,
    Kind,
    Observation,
    Unknown,
)
from ugrpy.testing import HANG, LoopClock, Reply, ScriptedEndpoint, run_virtual

FRONT = "virtual"
DEADLINE_S, HEDGE_S = 2.0, 0.25
# When each has its answer ready; a liar takes the time that the catalogue gives it.
HEALTHY_S, FRONT_S = 0.02, 0.05


def twins_of(trouble: Trouble) -> Iterator[Case]:
    """The virtual cases of a trouble: one for each verb and company of the real ones."""
    for company in companies(trouble):
        for verb in VERBS:
            yield Case(trouble, verb, FRONT, company)


# -- what an adapter makes of a trouble ---------------------------------------------------------------


def observed(trouble: Trouble, entry: Entry, *, listed: bool) -> Observation:
    """What an adapter says of something that is there; ``listed``: it was seen in a listing, or with one."""
    match trouble.effect:
        case Effect.ABSENT:
            return Absent()
        case Effect.DENIES:
            return Denied()
        case Effect.UNKNOWN:
            assert trouble.cause is not None
            return Unknown(trouble.cause)
        case _:
            return Found(told(trouble, entry, listed=listed), trouble.left_out if listed else 0)


def told(trouble: Trouble, entry: Entry, *, listed: bool) -> Entry:
    """The entry as the endpoint describes it."""
    if entry.size_bytes is None:
        return entry
    if trouble.effect is Effect.NO_SIZE:
        return replace(entry, size_bytes=None)
    faults = trouble.faults
    size_off = faults.size_off + (faults.listed_size_off if listed else 0)
    return replace(entry, size_bytes=entry.size_bytes + size_off)


def front_s(trouble: Trouble) -> float:
    """When the endpoint in trouble has given its word."""
    if trouble.late:
        return math.inf
    return trouble.faults.delay_s if trouble.effect is Effect.LIES else FRONT_S


def _entries(children: Mapping[str, int | None]) -> tuple[Entry, ...]:
    return tuple(
        Entry(name, Kind.COLLECTION if size is None else Kind.FILE, size)
        for name, size in children.items()
    )


def _in_trouble(case: Case) -> ScriptedEndpoint:
    endpoint = ScriptedEndpoint(FRONT)
    trouble, (collection, file) = case.trouble, _paths(case)
    if trouble.late:
        endpoint.on(collection, HANG)
        endpoint.on(file, HANG)
        return endpoint
    entries = _entries(CHILDREN)
    found = trouble.effect in (Effect.TELLS, Effect.NO_SIZE, Effect.LIES)
    children = entries if found else entries[:1] if trouble.part is not False else ()
    itself = Entry("c", Kind.COLLECTION)
    endpoint.on(
        collection,
        Reply(
            observed(trouble, itself, listed=True),
            tuple(told(trouble, child, listed=True) for child in children),
            after_s=front_s(trouble),
        ),
    )
    of_file = observed(trouble, entries[0], listed=False)
    endpoint.on(file, Reply(of_file, after_s=front_s(trouble)))
    return endpoint


def _healthy(case: Case, name: str) -> ScriptedEndpoint:
    endpoint = ScriptedEndpoint(name, latency_s=HEALTHY_S)
    if name in case.company.healthy_holders:
        collection, _file = _paths(case)
        for child in _entries(HEALTHY_CHILDREN):
            path = f"{collection}/{child.name}"
            if child.kind is Kind.FILE:
                endpoint.add_file(path, child.size_bytes)
            else:
                endpoint.add_collection(path)
    return endpoint


def _paths(case: Case) -> tuple[str, str]:
    """The collection of the case and the file in it."""
    collection = f"/{case.front}/{case.company}{case.folder}/c"
    return collection, f"{collection}/f"


# -- the gateway over them ------------------------------------------------------------------------------


def play(case: Case) -> tuple[Outcome, dict[str, str]]:
    """The outcome of the case, with the virtual seconds it took, and the URL of the file at each endpoint."""
    return run_virtual(_play(case))


async def _play(case: Case) -> tuple[Outcome, dict[str, str]]:
    present = [name for name in HEALTHY if case.company in PRESENT[name]]
    endpoints = [_in_trouble(case), *(_healthy(case, name) for name in present)]
    clock = LoopClock()
    federation = _federation(endpoints, clock)
    gateway = Gateway(federation, GatewayOptions(), clock=clock)
    headers: dict[str, Any] = dict(case.verb.headers)
    request, written = a_request(case.verb.method, case.path, **headers)
    before_s = clock.monotonic()
    response = await gateway(request)
    took_s = clock.monotonic() - before_s
    body = b"".join(written.pieces)
    if isinstance(response, web.Response):
        body = response.body if isinstance(response.body, bytes) else b""
    await federation.close()
    said = {name.lower(): value for name, value in response.headers.items()}
    if case.verb.method == "HEAD" and response.content_length is not None:
        said.setdefault("content-length", str(response.content_length))
    urls = {str(one.id): one.url(_paths(case)[1]) for one in endpoints}
    return Outcome(response.status, said, body, took_s), urls


def _federation(endpoints: list[ScriptedEndpoint], clock: LoopClock) -> Federation:
    ids = [EndpointId(str(endpoint.id)) for endpoint in endpoints]
    # the one in trouble is preferred wherever that is possible
    rules = [PreferenceRule(networks=(ip_network(CLIENT),), prefer=tuple(ids))]
    ranker = Ranker(
        [Candidate(name, Place()) for name in ids], rules, RankPolicy(), lambda _address: Place()
    )
    return Federation(
        [Member(endpoint) for endpoint in endpoints],
        HealthBoard(ids, HealthPolicy(), draw=lambda: 0.5),
        ranker,
        Policies(fanout=FanoutPolicy(deadline_s=DEADLINE_S, hedge_s=HEDGE_S)),
        Surroundings(lambda: 0.5, clock),
    )


def expected_s(case: Case) -> float:
    """When the case is answered, to the moment.

    When everybody has spoken or the deadline has come, for what waits for all; at the first that is found, for what asks
    only whether there is something; and a redirect gives the preferred one, when it is silent, a moment more.
    """
    front = front_s(case.trouble)
    healthy = [HEALTHY_S for name in HEALTHY if case.company in PRESENT[name]]
    when_all = min(DEADLINE_S, max([front, *healthy]))
    finders = [HEALTHY_S for _ in case.company.healthy_holders]
    if case.trouble.effect in (Effect.TELLS, Effect.NO_SIZE, Effect.LIES):
        finders.append(front)
    if case.verb.listing or case.verb.id == "metalink" or not finders:
        return when_all
    first = min(finders)
    if case.verb.id != "GET":
        return first
    return min(max(front, first), first + HEDGE_S)
