"""The steps of the squid tour: what each shows and claims."""

import asyncio

from shoalpy.demo.agents import INACTIVE_S
from shoalpy.demo.asking import Told, fetch, script_for, told, told_by_v1
from shoalpy.demo.client import Reply, ask
from shoalpy.demo.origin import FILE, FILES
from shoalpy.demo.sites import GENEVA, SERVER_ADDRESS, SITES, distance_km, nearest_first
from shoalpy.demo.stage import Stage
from shoalpy.pacanswer import parse_pac_answer
from shoalpy.paceval import evaluate_pac
from shoalpy.proxylist import Proxy
from ugrpy.core.clock import SystemClock
from ugrpy.service.tour.outcome import Check, Grid, Outcome, Quote, Step, all_of
from ugrpy.service.tour.processes import wait_until

WAIT_S = 15.0
"""Until something has to be seen that takes the server a second or two."""


def meet_everybody(stage: Stage) -> Outcome:
    """Heartbeats come in, and the server tries each cache before it tells anybody of it."""
    names = {site.name for site in SITES}
    wait_until(lambda: {n for n, one in _caches(stage).items() if _works(one)} == names, WAIT_S)
    known = _caches(stage)
    rows = []
    unheard, untested, misplaced = [], [], []
    for site in SITES:
        one = known.get(site.name, {})
        answer = stage.agents.answers.get(site.name, "no heartbeat yet")
        if not (isinstance(answer, Reply) and answer.status == 200):
            unheard.append(f"{site.city}: {getattr(answer, 'text', answer)}")
        message = one.get("verification", {}).get("message", "not known")
        if not _works(one):
            untested.append(f"{site.city}: {message}")
        city = one.get("place", {}).get("city")
        if city != site.city:
            misplaced.append(f"{site.city} is shown in {city}")
        where = f"{site.cache_address}:{stage.caches[site.name].port}"
        rows.append((site.city, where, site.vm_address, message))
    return Outcome(
        f"Three caches ({stage.program.name}), each in a loopback network that a generated GeoIP database places in its city. Their agents "
        f"send signed heartbeats to {stage.server_url}, which then fetches a CVMFS whitelist through each of them.",
        Grid(("place", "cache", "VM", "what the server found"), tuple(rows)),
        (
            all_of("signed heartbeats are taken", unheard, len(SITES)),
            all_of("every cache has shown that it works", untested, len(SITES)),
            all_of("the database places them", misplaced, len(SITES)),
        ),
    )


def each_gets_its_own(stage: Stage) -> Outcome:
    """The VMs ask, and are told of all caches, nearest first."""
    rows = []
    wrong_first, wrong_order, wrong_km, differing = [], [], [], []
    by_name, measured = {site.name: site for site in SITES}, 0
    for site in SITES:
        caches = told(stage, site)
        names = [one.name for one in caches]
        if names[:1] != [site.name]:
            wrong_first.append(f"{site.city} is told {', '.join(names) or 'nothing'}")
        if names != nearest_first(site):
            wrong_order.append(f"{site.city} is told {', '.join(names) or 'nothing'}")
        for one in caches:
            measured += 1
            expected = distance_km(site, by_name[one.name])
            if one.distance_km is None or abs(one.distance_km - expected) > 0.005 * expected + 0.1:
                wrong_km.append(f"{site.city} to {one.name}: {one.distance_km} for {expected:.0f}")
        if not caches or told_by_v1(stage, site) != [one.address for one in caches]:
            differing.append(site.city)
        rows.append((site.city, names[0] if names else "none", _why(caches)))
    return Outcome(
        "A VM in each place asks for its cache. The server sees nothing but the address that it asks from.",
        Grid(("VM in", "is told first of", "why"), tuple(rows)),
        (
            all_of("each VM is sent to the cache of its own place", wrong_first, len(SITES)),
            all_of("the others follow by distance", wrong_order, len(SITES)),
            all_of("the kilometres are right", wrong_km, measured),
            all_of("shoal's old clients are told the same by /nearest", differing, len(SITES)),
        ),
    )


def through_the_cache(stage: Stage) -> Outcome:
    """Each VM uses what it was told."""
    rows = []
    others, wrong = [], []
    for site in SITES:
        got = fetch(stage, site, told(stage, site))
        if got.cache != site.name or site.hostname not in got.via:
            others.append(f"{site.city}: by {got.cache or 'none'}")
        if not got.right:
            wrong.append(site.city)
        rows.append((site.city, got.cache or "none", got.via or "-"))
    return Outcome(
        f"Each VM fetches a file of {len(FILES[FILE])} bytes from the stratum-1 server through its cache, which signs with Via.",
        Grid(("VM in", "cache", "Via"), tuple(rows)),
        (
            all_of("it came through that cache", others, len(SITES)),
            all_of("byte for byte", wrong, len(SITES)),
        ),
    )


def wpad(stage: Stage) -> Outcome:
    """A client that only knows PAC is told the same."""
    reply = script_for(stage, GENEVA)
    url = f"{stage.origin_url}{FILE}"
    (answer,) = asyncio.run(evaluate_pac(reply.text, [url])) if reply.status == 200 else ("",)
    ways = [way for way in parse_pac_answer(answer).ways if isinstance(way, Proxy)]
    cache = stage.caches[GENEVA.name]
    return Outcome(
        "Clients that discover their proxy by WPAD, as CVMFS and Frontier can, need nothing else: the script for the VM in Geneva.",
        Quote(f"curl -s --interface {GENEVA.vm_address} {stage.server_url}/wpad.dat", reply.text),
        (
            Check("the script is there", reply.status == 200, f"status {reply.status}"),
            Check(
                "run, it names the cache in Geneva first",
                [(way.host, way.port) for way in ways[:1]] == [(cache.address, cache.port)],
                answer,
            ),
            Check("and has all three", len(ways) == len(SITES), answer),
        ),
    )


def one_stops(stage: Stage) -> Outcome:
    """The machine with Geneva's cache goes away without a goodbye."""
    clock = SystemClock()
    before = told(stage, GENEVA)
    stage.lose(GENEVA)
    began_s = clock.monotonic()
    at_once = fetch(stage, GENEVA, before)
    expected = nearest_first(GENEVA, without=GENEVA)
    gone = wait_until(lambda: _names(told(stage, GENEVA))[:1] == expected[:1], INACTIVE_S + WAIT_S)
    took_s = clock.monotonic() - began_s
    after = told(stage, GENEVA)
    later = fetch(stage, GENEVA, after)
    rows = (
        ("at once", ", ".join(_names(before)), ", ".join(at_once.failed), at_once.cache),
        (f"{took_s:.0f} s later", ", ".join(_names(after)), ", ".join(later.failed), later.cache),
    )
    return Outcome(
        f"The machine with Geneva's cache dies without a word. Its VM goes on with the next cache of its list; after {INACTIVE_S:.0f} s without "
        "a heartbeat (three minutes, as shipped) nobody is told of the dead one any more.",
        Grid(("VM in Geneva", "is told", "fails", "fetches through"), rows),
        (
            Check(
                "at once the VM falls back to the next nearest",
                at_once.failed == (GENEVA.name,)
                and (at_once.cache, at_once.right) == (expected[0], True),
                f"failed: {at_once.failed}, then {at_once.cache or 'none'}",
            ),
            Check(
                "then it is told of the next nearest first, and not of the dead one",
                gone and GENEVA.name not in _names(after),
                ", ".join(_names(after)),
            ),
            Check(
                "and fetches from there without a failure",
                (later.cache, later.failed, later.right) == (expected[0], (), True),
                f"failed: {later.failed}, then {later.cache or 'none'}",
            ),
        ),
    )


def it_returns(stage: Stage) -> Outcome:
    """The cache starts again, and is told of as soon as it has shown that it works."""
    clock = SystemClock()
    began_s = clock.monotonic()
    stage.revive(GENEVA)
    back = wait_until(lambda: _names(told(stage, GENEVA))[:1] == [GENEVA.name], WAIT_S)
    took_s = clock.monotonic() - began_s
    caches = told(stage, GENEVA)
    got = fetch(stage, GENEVA, caches)
    return Outcome(
        "The cache in Geneva is started again. Its first heartbeat brings it back into the table; it is tried, and told of.",
        Grid(
            ("VM in Geneva", "is told", "fetches through"),
            ((f"{took_s:.1f} s after the start", ", ".join(_names(caches)), got.cache),),
        ),
        (
            Check("the VM is told of it first again", back, ", ".join(_names(caches))),
            Check(
                "and fetches through it",
                (got.cache, got.failed, got.right) == (GENEVA.name, (), True),
                got.cache,
            ),
        ),
    )


STEPS: tuple[Step[Stage], ...] = (
    Step("Three caches in three places", meet_everybody),
    Step("A VM in each: which cache is mine?", each_gets_its_own),
    Step("Through the cache", through_the_cache),
    Step("The same by WPAD", wpad),
    Step("A cache stops", one_stops),
    Step("It comes back", it_returns),
)


def _caches(stage: Stage) -> dict[str, dict[str, dict[str, str]]]:
    found = ask(f"{stage.server_url}/v2/caches", source=SERVER_ADDRESS).json()
    return {one["key"]: one for one in found}


def _works(cache: dict[str, dict[str, str]]) -> bool:
    return cache.get("verification", {}).get("health") == "passed"


def _names(caches: list[Told]) -> list[str]:
    return [one.name for one in caches]


def _why(caches: list[Told]) -> str:
    return ", ".join(
        one.name if one.distance_km is None else f"{one.name} {one.distance_km:,.0f} km"
        for one in caches
    )
