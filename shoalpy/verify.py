"""Which cache is looked at when, what is asked of it, and what is it found to be? Values in, values out; ``shoalpy.probe`` does it.

One look at a cache is in ``shoalpy.looking``. One that failed is looked at again after ``retry_s``, which doubles with each further failure up to ``retry_max_s``; one that passed after
``interval_s``. Each time is drawn within ``jitter`` of that, so that caches which came together are not looked at together for ever.
"""

import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, PlainValidator

from shoalpy.guard import Guard, PortRange, parse_port_range
from shoalpy.looking import Draw, Finding, Look, begin
from shoalpy.model import Address, Cache, CacheType, Health, Upstream, Verification
from shoalpy.targets import (
    Outcome,
    Targets,
    parse_cvmfs_path,
    parse_cvmfs_url,
    parse_target_path,
    parse_target_url,
    rounds_for,
)
from ugrpy.locality import Network

# The four stratum-1 servers and repositories that shoal asks for (reference section 7.2).
_STRATUM_ONES = (
    "cvmfs-stratum-one.cern.ch",
    "cernvmfs.gridpp.rl.ac.uk",
    "cvmfs.racf.bnl.gov",
    "cvmfs.fnal.gov",
)
_REPOSITORIES = ("atlas", "atlas-condb", "sft", "grid")
_WHITELISTS = tuple(
    f"http://{server}/cvmfs/{repository}.cern.ch/.cvmfswhitelist"
    for server in _STRATUM_ONES
    for repository in _REPOSITORIES
)

_Rate = Annotated[float, Field(gt=0, le=100_000)]
_Seconds = Annotated[float, Field(gt=0, le=604_800)]


@dataclass(frozen=True, slots=True)
class VerificationPolicy:
    """Whether caches must show that they work before everybody is told of them, and how that is found out."""

    enabled: Annotated[
        bool,
        Field(
            description="tell callers elsewhere only of caches that were found to work; otherwise of all"
        ),
    ] = True
    interval_s: Annotated[
        _Seconds, Field(description="seconds until a cache that works is looked at again")
    ] = 3600.0
    retry_s: Annotated[
        _Seconds,
        Field(description="seconds until one that does not is; doubles with each further failure"),
    ] = 30.0
    retry_max_s: Annotated[_Seconds, Field(description="most seconds that may become")] = 900.0
    jitter: Annotated[
        float,
        Field(ge=0, le=0.9, description="these times are drawn from so much less to so much more"),
    ] = 0.2
    timeout_s: Annotated[
        float,
        Field(gt=0, le=60, description="seconds to be connected, and as many again to be answered"),
    ] = 2.0
    concurrency: Annotated[
        int, Field(ge=1, le=10_000, description="most caches looked at at a time")
    ] = 200
    rate_per_s: Annotated[_Rate, Field(description="most requests a second, all together")] = 100.0
    target_rate_per_s: Annotated[
        _Rate, Field(description="most requests a second that ask one target server for something")
    ] = 25.0
    needed: Annotated[
        int,
        Field(ge=1, description="right answers a cache needs; all, where there are fewer targets"),
    ] = 2
    tolerated: Annotated[
        int, Field(ge=0, description="wrong or missing answers it may give besides")
    ] = 3
    squid_cvmfs: Annotated[
        tuple[Annotated[str, AfterValidator(parse_cvmfs_url)], ...],
        Field(description="whitelists that a squid in front of CVMFS is asked for"),
    ] = _WHITELISTS
    squid_frontier: Annotated[
        tuple[Annotated[str, AfterValidator(parse_target_url)], ...],
        Field(description="URLs that a squid in front of Frontier only is asked for"),
    ] = ("http://frontier.cern.ch/atlr",)
    squid_both_needs_frontier: Annotated[
        bool, Field(description="a squid in front of both must be right for Frontier, too")
    ] = False
    varnish_cvmfs: Annotated[
        tuple[Annotated[str, AfterValidator(parse_cvmfs_path)], ...],
        Field(description="paths that a varnish in front of CVMFS is asked for"),
    ] = ("/cvmfs/oasis.opensciencegrid.org/.cvmfspublished",)
    varnish_frontier: Annotated[
        tuple[Annotated[str, AfterValidator(parse_target_path)], ...],
        Field(description="paths that a varnish in front of Frontier is asked for"),
    ] = ("/atlr",)
    allow_private: Annotated[
        bool, Field(description="connect to caches that give private addresses")
    ] = False
    allow_networks: Annotated[
        tuple[Network, ...],
        Field(description="networks to connect to whatever they are, loopback included"),
    ] = ()
    ports: Annotated[
        tuple[Annotated[PortRange, PlainValidator(parse_port_range)], ...],
        Field(description='ports to connect to, each one or a range such as "1024-65535"'),
    ] = (PortRange(80, 80), PortRange(1024, 65535))

    @property
    def targets(self) -> Targets:
        """What is asked for."""
        return Targets(
            self.squid_cvmfs,
            self.squid_frontier,
            self.varnish_cvmfs,
            self.varnish_frontier,
            self.squid_both_needs_frontier,
        )

    @property
    def guard(self) -> Guard:
        """Where it may be asked."""
        return Guard(
            allow_private=self.allow_private, networks=self.allow_networks, ports=self.ports
        )

    @property
    def unverified(self) -> Verification:
        """What is known of a cache before it is looked at."""
        return Verification(Health.PENDING if self.enabled else Health.OFF)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which caches to look at now, those that have waited longest first, and when the next of the others will be due."""

    due: list[Cache]
    next_at_s: float


def plan(caches: Iterable[Cache], now_s: float, looking_at: AbstractSet[str]) -> Plan:
    """Which to look at; those with a key in ``looking_at`` are being looked at."""
    due: list[Cache] = []
    next_at_s = math.inf
    for cache in caches:
        if cache.key in looking_at:
            continue
        at_s = cache.verification.next_at_s
        if at_s <= now_s:
            due.append(cache)
        else:
            next_at_s = min(next_at_s, at_s)
    due.sort(key=lambda cache: cache.verification.next_at_s)
    return Plan(due, next_at_s)


def address_of(cache: Cache) -> Address | None:
    """Where it is asked: where the world reaches it, or its private address."""
    return cache.beat.reachable_ip or cache.beat.private_ip


def look_at(cache: Cache, policy: VerificationPolicy, draw: Draw) -> Look | Finding:
    """What to ask of the cache, or what is clear without."""
    address = address_of(cache)
    if address is None:
        return Finding(Outcome.NO_CONNECTION, "Error during verification: it gave no address")
    if why := policy.guard.refusal(address, cache.beat.port):
        return Finding(
            Outcome.NO_CONNECTION,
            f"Error during verification: this server does not connect to it: {why}",
        )
    rounds = rounds_for(cache, address, policy.targets)
    return begin(rounds, needed=policy.needed, tolerated=policy.tolerated, draw=draw)


def verdict(
    before: Verification, found: Finding, now_s: float, policy: VerificationPolicy, draw: Draw
) -> Verification:
    """What is known of a cache after a look at it, and when to look again."""
    passed = found.outcome is Outcome.PASSED
    failures = 0 if passed else before.failures + 1
    pause_s = policy.interval_s if passed else _retry_s(failures, policy)
    return Verification(
        health=Health.PASSED if passed else Health.FAILED,
        message=found.message,
        checked_at_s=now_s,
        next_at_s=now_s + pause_s * (1 + policy.jitter * (2 * draw() - 1)),
        failures=failures,
        rtt_s=found.rtt_s,
    )


def subject(cache: Cache) -> tuple[Address | None, int, CacheType, Upstream]:
    """What a finding is about: it says nothing of a cache that has moved or become another meanwhile."""
    return address_of(cache), cache.beat.port, cache.beat.cache_type, cache.beat.upstream


def _retry_s(failures: int, policy: VerificationPolicy) -> float:
    # the exponent is bounded for the sake of a cache that fails for years
    return min(policy.retry_max_s, policy.retry_s * 2.0 ** min(failures - 1, 60))
