"""What do the adapters make of each trouble, in each dialect? What the virtual twins are scripted to say, and in words."""

import asyncio

import pytest

from tests.faults.cases import CHILDREN, Case, Company, cases_of
from tests.faults.catalogue import FAMILIES, Door, Effect, Trouble
from tests.faults.stage import Stage
from tests.faults.twins import observed, told
from ugrpy.endpoints.base import Endpoint
from ugrpy.endpoints.dav import DavEndpoint
from ugrpy.endpoints.plainhttp import PlainHttpEndpoint
from ugrpy.namespace.model import Denied, EndpointId, Entry, Found, Kind, Observation, Unknown
from ugrpy.testing.dialects import PLAIN
from ugrpy.transport.options import TransportOptions

pytestmark = [pytest.mark.fault, pytest.mark.functional]

PATIENT_S, HASTY_S = 30.0, 0.6


@pytest.fixture(scope="module")
def stage():
    with Stage() as stage:
        yield stage


@pytest.fixture(scope="module")
def authority(stage, tmp_path_factory):
    file = tmp_path_factory.mktemp("authority") / "authority.pem"
    stage.authority.cert_pem.write_to_path(str(file))
    return file


def endpoint_of(stage: Stage, case: Case, authority) -> Endpoint:
    # where silence is expected its length does not matter; elsewhere a busy machine must not look like a fault
    limit_s = HASTY_S if case.trouble.late else PATIENT_S
    options = TransportOptions(
        connect_timeout_s=limit_s,
        first_byte_timeout_s=limit_s,
        total_timeout_s=limit_s,
        ca_file=authority,
    )
    kind = PlainHttpEndpoint if case.front == PLAIN.name else DavEndpoint
    base_url = f"{stage.base_urls[case.front]}/{case.company}{case.folder}"
    return kind(EndpointId(case.front), base_url, options)


def plain(said: Observation) -> Observation:
    """Without words, dates and statuses."""
    match said:
        case Found(entry, left_out):
            return Found(Entry(entry.name, entry.kind, entry.size_bytes), left_out)
        case Unknown(cause):
            return Unknown(cause)
        case Denied():
            return Denied()
        case _:
            return said


async def differences(stage: Stage, case: Case, authority) -> list[str]:
    """Where the adapter says something else than the twin."""
    trouble = case.trouble
    endpoint = endpoint_of(stage, case, authority)
    file, collection = Entry("f", Kind.FILE, CHILDREN["f"]), Entry("c", Kind.COLLECTION)
    children: list[Entry] = []
    try:
        said = [
            (await endpoint.stat("/c/f"), observed(trouble, file, listed=False)),
            (await endpoint.stat("/c"), observed(trouble, collection, listed=False)),
            (
                await endpoint.list("/c", children.extend),
                observed(trouble, collection, listed=True),
            ),
        ]
    finally:
        await endpoint.close()
    found = [
        f"{case.id}: {heard} instead of {scripted}"
        for heard, scripted in said
        if plain(heard) != scripted
    ]
    found += [
        f"{case.id}: no words for people"
        for heard, _scripted in said
        if isinstance(heard, Unknown | Denied) and not heard.detail
    ]
    if endpoint.features.listable:
        found += _of_children(trouble, case, children)
    return found


async def all_differences(stage: Stage, cases: list[Case], authority) -> list[str]:
    found = await asyncio.gather(*(differences(stage, case, authority) for case in cases))
    return [line for lines in found for line in lines]


def _of_children(trouble: Trouble, case: Case, children: list[Entry]) -> list[str]:
    truth = {
        name: told(trouble, Entry(name, Kind.FILE, size), listed=True).size_bytes
        for name, size in CHILDREN.items()
    }
    seen = {child.name: child.size_bytes for child in children}
    if trouble.effect in (Effect.TELLS, Effect.NO_SIZE, Effect.LIES):
        return [] if seen == truth else [f"{case.id}: children {seen} instead of {truth}"]
    if not set(seen.items()) <= {*truth.items(), *((name, None) for name in truth)}:
        return [f"{case.id}: children {seen} are not in {truth}"]
    return (
        []
        if trouble.part in (None, bool(seen))
        else [f"{case.id}: {len(seen)} children got through"]
    )


@pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
def test_an_adapter_says_what_its_twin_is_scripted_to_say(stage, authority, family):
    cases = [
        case
        for trouble in family.troubles
        for case in cases_of(trouble)
        if case.verb.id == "list" and case.company in (Company.ALONE, Company.MAJORITY)
    ]
    # on the loop of the storage elements: two threads that are measured wait for each other, which is blocking
    wrong = stage.do(all_differences(stage, cases, authority))
    assert not wrong, "\n".join(wrong[:40])
    assert {case.front for case in cases} >= (
        set(Door) if family.name == "doors" else {"nginx", "apache", "xrootd", "dcache"}
    )
