"""Does the cache on this machine work, and what does it front?

It is asked what a server would ask it. A squid fetches whatever it is asked for; a varnish stands before CVMFS, before Frontier, or both, and where
nobody has said which, what it can be asked for tells (reference section 4).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network

from shoalpy.looking import Finding, Look
from shoalpy.model import Address, Cache, CacheType, Heartbeat, Upstream
from shoalpy.probe import HttpProber, http_prober
from shoalpy.targets import Outcome
from shoalpy.verify import VerificationPolicy, look_at
from ugrpy.core.clock import Clock
from ugrpy.locality.facts import UNKNOWN_FACTS

_LOOPBACK = IPv4Address("127.0.0.1")
_EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test has found. ``fronts`` is ``None`` where nothing the cache might front could be had from it."""

    passed: bool
    message: str
    fronts: Upstream | None


def to_try(cache_type: CacheType, told: Upstream | None) -> tuple[Upstream, ...]:
    """What it is tested for, one after the other; ``told`` is what the operator says."""
    if told is not None:
        return (told,)
    if cache_type is CacheType.SQUID:
        return (Upstream.BOTH,)
    return (Upstream.CVMFS, Upstream.FRONTIER)


def sum_up(findings: Mapping[Upstream, Finding]) -> Trial:
    """What the tests mean together: it works if it fronts anything."""
    passed = [one for one, found in findings.items() if found.outcome is Outcome.PASSED]
    if not passed:
        messages = dict.fromkeys(found.message for found in findings.values())
        return Trial(False, "; ".join(messages), None)
    fronts = passed[0] if len(passed) == 1 else Upstream.BOTH
    return Trial(True, findings[passed[0]].message, fronts)


@dataclass(frozen=True, slots=True)
class Tester:
    """Tests the cache at ``address``, where it is reached from this machine, or on loopback."""

    policy: VerificationPolicy
    clock: Clock
    draw: Callable[[], float]

    async def test(self, said: Heartbeat, address: Address | None, told: Upstream | None) -> Trial:
        """Ask it all there is to ask."""
        here = replace(said, public_ip=address or _LOOPBACK)
        return sum_up(
            {
                one: await self._look_at(replace(here, upstream=one))
                for one in to_try(said.cache_type, told)
            }
        )

    async def _look_at(self, here: Heartbeat) -> Finding:
        # what a server must not be made to connect to is where our own cache is
        policy = replace(self.policy, allow_networks=_EVERYTHING)
        look = look_at(Cache(here, 0.0, 0.0, UNKNOWN_FACTS), policy, self.draw)
        if isinstance(look, Finding):
            return look
        async with http_prober(policy, self.clock) as prober:
            return await _look(look, prober)


async def _look(look: Look, prober: HttpProber) -> Finding:
    while (ask := look.next_ask()) is not None:
        look.heard(ask, await prober.answer(ask))
    found = look.finding
    assert found is not None  # next_ask gives nothing only then
    return found
