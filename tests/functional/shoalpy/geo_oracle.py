"""What must the Geo-API answer? An oracle written from the contract alone (reference section 9), sharing nothing with our code.

It measures as the original does, by the spherical law of cosines. Where two servers' distances are within ``CLOSE`` without being equal,
rounding decides, and either order is right.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import pairwise

Point = tuple[float, float]
CLOSE = 1e-9

_ALLOWED = re.compile(r"[A-Za-z0-9.:-]+")


@dataclass(frozen=True)
class Question:
    """One request."""

    caching: str
    listed: tuple[str, ...]
    headers: Mapping[str, str]
    peer: str

    @property
    def path(self) -> str:
        """With a repository."""
        return f"/cvmfs/any.example.org/api/v1.0/geo/{self.caching}/{','.join(self.listed)}"


@dataclass(frozen=True)
class Oracle:
    """``points`` places addresses, ``names`` is the name service."""

    points: Callable[[str], Point | None]
    names: Mapping[str, Sequence[str]]

    def verdict(self, question: Question, status: int, body: str) -> str:
        """What is wrong with the answer, or nothing."""
        me = self._me(question)
        if me is None:
            return _refused(status, body, "remote addr not found in database")
        listed = question.listed
        cdn = "CF-Connecting-IP" in question.headers
        cut = listed.index("+PXYSEP+") if "+PXYSEP+" in listed else len(listed)
        hosts = [self._host(name, cdn) for name in listed[:cut]]
        if not any(hosts):
            return _refused(status, body, "no server addr found in database")
        if status != 200 or not re.fullmatch(r"[0-9]+(,[0-9]+)*\n", body):
            return f"{status} {body!r} is no list"
        numbers = [int(number) for number in body.split(",")]
        if sorted(numbers) != list(range(1, len(listed) + 1)):
            return f"{numbers} does not number {len(listed)} names"
        if cut == len(listed):
            return _order(numbers, hosts, me)
        # servers, proxies, separator
        if numbers[-1] != cut + 1:
            return f"the separator is not last in {numbers}"
        proxies = [self._name(name) for name in listed[cut + 1 :]]
        behind = [number - cut - 1 for number in numbers[cut:-1]]
        if behind and min(behind) < 1:
            return f"a server among the proxies in {numbers}"
        wrong = _order(behind, proxies, me)
        nearest = proxies[behind[0] - 1] if behind else None
        return wrong or _order(numbers[:cut], hosts, nearest or me)

    def _me(self, question: Question) -> Point | None:
        if (point := self._name(question.caching)) is not None:
            return point
        headers = question.headers
        said = [headers.get("CF-Connecting-IP"), headers.get("X-Forwarded-For", "").split(",")[-1]]
        for address in (*said, question.peer):
            if address and (point := self.points(address.strip())) is not None:
                return point
        return None

    def _host(self, name: str, cdn: bool) -> Point | None:
        return (self._name("ip." + name) if cdn else None) or self._name(name)

    def _name(self, name: str) -> Point | None:
        if len(name) > 256 or not _ALLOWED.fullmatch(name):
            return None
        try:
            ip_address(name)
        except ValueError:
            addresses = list(self.names.get(name, ()))
        else:
            addresses = [name]
        for version in (4, 6):
            of_family = [one for one in addresses if ip_address(one).version == version]
            if of_family and (point := self.points(of_family[0])) is not None:
                return point
        return None


def arc(a: Point, b: Point) -> float:
    """The angle between two points, in radians."""
    if a == b:
        return 0.0
    (north_a, east_a), (north_b, east_b) = (tuple(map(math.radians, point)) for point in (a, b))
    cosine = math.sin(north_a) * math.sin(north_b)
    cosine += math.cos(north_a) * math.cos(north_b) * math.cos(east_a - east_b)
    return math.acos(min(1.0, max(-1.0, cosine)))


def _refused(status: int, body: str, reason: str) -> str:
    if (status, body) == (400, f"Bad Request: {reason}\n"):
        return ""
    return f"{status} {body!r} instead of a refusal: {reason}"


def _order(numbers: Sequence[int], points: Sequence[Point | None], me: Point) -> str:
    far = [math.inf if point is None else arc(me, point) for point in points]
    for first, second in pairwise(numbers):
        a, b = far[first - 1], far[second - 1]
        if a > b + CLOSE:
            return f"{first} ({a}) before {second} ({b})"
        if points[first - 1] == points[second - 1] and first > second:
            return f"{first} before {second}, which are in one place"
    return ""
