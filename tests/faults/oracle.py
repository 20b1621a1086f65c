"""Is an answer right, honest, or wrong? Written apart from the gateway's code, from what the case makes true.

RIGHT is the whole truth. HONEST is an answer that admits what it does not know: 502, 503 or 504 naming the endpoint in
trouble, 403 where that one refuses to say, or what the others know with ``Proxy-Status`` naming the one that is missing.
WRONG is everything else: "not found" for trouble, a part that passes for the whole, a wrong size, a client sent to a
replica that nobody can vouch for, an answer after the deadline or none at all, 500; and also an apology where the truth
was to be had.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote

from tests.faults.cases import CHILDREN, HEALTHY_CHILDREN, Case
from tests.faults.catalogue import Effect
from tests.functional.helpers.answers import links_of, parse_metalink4, parse_multistatus

_NEXT_HOP = re.compile(r'next-hop="([^"]*)"')
Children = Mapping[str, int | None]


class Verdict(StrEnum):
    """What an answer is worth."""

    RIGHT = "right"
    HONEST = "honest"
    WRONG = "wrong"


class Wrong(Exception):
    """The answer is wrong, and why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back. ``headers`` has lower-case names, repeated ones joined by commas; ``status`` 0 is no answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    took_s: float = 0.0
    error: str = ""

    @property
    def missing(self) -> set[str]:
        """The endpoints that the answer says it could not hear."""
        return set(_NEXT_HOP.findall(self.headers.get("proxy-status", "")))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and, for a wrong answer, the reason."""

    verdict: Verdict
    why: str = ""


def judge(case: Case, outcome: Outcome, urls: Mapping[str, str], limit_s: float) -> Judgement:
    """``urls`` has the URL of the file at each endpoint; an answer after ``limit_s`` is too late."""
    try:
        return Judgement(_verdict(case, outcome, urls, limit_s))
    except Wrong as wrong:
        said = outcome.headers.get("proxy-status", "")
        return Judgement(Verdict.WRONG, f"{case.id}: {outcome.status} {wrong} [{said}]")


def _verdict(case: Case, outcome: Outcome, urls: Mapping[str, str], limit_s: float) -> Verdict:
    _demand(outcome.status != 0, f"no answer: {outcome.error}")
    _demand(outcome.took_s <= limit_s, f"after {outcome.took_s:.2f} s")
    _demand(outcome.missing <= {case.front}, f"blames {outcome.missing - {case.front}}")
    holders = _holders(case)
    if outcome.status in (502, 503, 504):
        return _excuse(case, outcome, holders)
    if outcome.status == 403:
        _demand(case.trouble.effect is Effect.DENIES, "nobody has refused anything")
        _demand(not holders, "somebody else holds it")
        return Verdict.HONEST
    if outcome.status == 404:
        _demand(case.trouble.effect is Effect.ABSENT, "nobody said that it is not there")
        _demand(not holders, "somebody else holds it")
        return Verdict.RIGHT
    _demand(bool(holders), "an answer out of nothing")
    return _truth(case, outcome, {name: urls[name] for name in holders})


def _holders(case: Case) -> set[str]:
    """The endpoints of which somebody can know that they hold the name."""
    holders = set(case.company.healthy_holders)
    if case.trouble.effect in (Effect.TELLS, Effect.NO_SIZE) or _harmless(case):
        holders.add(case.front)
    return holders


def _harmless(case: Case) -> bool:
    """Whether the trouble does not concern this verb."""
    return case.trouble.listed_only and not case.verb.listing


def _excuse(case: Case, outcome: Outcome, holders: set[str]) -> Verdict:
    _demand(not holders, "an excuse, although the answer was to be had")
    _demand(case.trouble.effect is Effect.UNKNOWN, "an excuse for a clear word")
    _demand(outcome.missing == {case.front}, "does not say who was not heard")
    _demand(outcome.status != 503 or "retry-after" in outcome.headers, "no Retry-After")
    return Verdict.HONEST


def _truth(case: Case, outcome: Outcome, good: Mapping[str, str]) -> Verdict:
    match case.verb.id:
        case "GET":
            return _redirect(outcome, good)
        case "HEAD":
            return _head(case, outcome, good)
        case "stat-file":
            return _described(case, outcome, collection=False)
        case "stat-collection":
            return _described(case, outcome, collection=True)
        case "metalink":
            return _metalink(case, outcome, good)
        case _:
            return _listing(case, outcome)


def _redirect(outcome: Outcome, good: Mapping[str, str]) -> Verdict:
    _demand(outcome.status == 302, "is no redirect")
    target = outcome.headers["location"]
    _demand(target in good.values(), f"sends the client to {target}")
    others = set(re.findall(r"<([^>]*)>", outcome.headers.get("link", "")))
    _demand(others <= set(good.values()), f"offers {others}")
    return Verdict.RIGHT


def _head(case: Case, outcome: Outcome, good: Mapping[str, str]) -> Verdict:
    if outcome.status == 302:
        _demand(_no_size_yet(case), "asks the client to ask for a size that is known")
        _redirect(outcome, good)
        return Verdict.HONEST
    _demand(outcome.status == 200, "is neither yes nor no")
    _demand(outcome.headers.get("content-length") == str(CHILDREN["f"]), "a wrong length")
    return Verdict.RIGHT


def _described(case: Case, outcome: Outcome, *, collection: bool) -> Verdict:
    _demand(outcome.status == 207, "is no multistatus")
    (one,) = parse_multistatus(outcome.body)
    _demand(one.href.rstrip("/") == case.path.rstrip("/"), f"is about {one.href}")
    _demand(one.collection is collection, "the wrong kind")
    if collection:
        _demand(one.size_bytes is None, "a collection with a size")
        return Verdict.RIGHT
    if one.size_bytes is None:
        _demand(_no_size_yet(case), "no size, although it is known")
        return Verdict.HONEST
    _demand(one.size_bytes == CHILDREN["f"], f"size {one.size_bytes}")
    return Verdict.RIGHT


def _no_size_yet(case: Case) -> bool:
    """Whether the first to answer, which is enough for these verbs, may have been one that tells no size."""
    return case.trouble.effect is Effect.NO_SIZE


def _nobody_tells_the_size(case: Case) -> bool:
    return case.trouble.effect is Effect.NO_SIZE and not case.company.healthy_holders


def _metalink(case: Case, outcome: Outcome, good: Mapping[str, str]) -> Verdict:
    _demand(outcome.status == 200, "is no metalink")
    said = parse_metalink4(outcome.body)
    _demand(set(said.urls) == set(good.values()), f"offers {said.urls}")
    if said.size_bytes is None:
        _demand(_nobody_tells_the_size(case), "no size, although it is known")
        return Verdict.HONEST
    _demand(said.size_bytes == CHILDREN["f"], f"size {said.size_bytes}")
    if case.trouble.effect is not Effect.UNKNOWN:
        return Verdict.RIGHT
    _demand(outcome.missing == {case.front}, "lacks a replica and does not say so")
    return Verdict.HONEST


def _listing(case: Case, outcome: Outcome) -> Verdict:
    shown = _page(case, outcome) if case.verb.id == "page" else _children(case, outcome)
    theirs: Children = HEALTHY_CHILDREN if case.company.healthy_holders else {}
    effect = case.trouble.effect
    spoken = effect in (Effect.TELLS, Effect.NO_SIZE) and case.front_lists
    for name, size in ({**CHILDREN, **theirs} if spoken else theirs).items():
        _demand(name in shown, f"{name} is not shown")
        unsure = effect is Effect.NO_SIZE and name not in theirs and shown[name] is None
        _demand(shown[name] == size or unsure, f"{name} is shown with size {shown[name]}")
    for name, size in shown.items():
        _demand(name in {**CHILDREN, **theirs}, f"{name} is invented")
        _demand(size in (None, {**CHILDREN, **theirs}[name]), f"{name} is shown with size {size}")
    if effect is Effect.NO_SIZE and spoken and not theirs:
        return Verdict.HONEST
    if (
        (spoken and not case.trouble.left_out)
        or effect is Effect.ABSENT
        or (effect is Effect.LIES and case.front_lists)
    ):
        _demand(not outcome.missing, "says that something is missing, which is not so")
        return Verdict.RIGHT
    _demand(outcome.missing == {case.front}, "lacks names and does not say so")
    if case.verb.id == "page":
        page = outcome.body.decode()
        _demand("answered" in page or "did not answer" in page, "the page does not warn")
    return Verdict.HONEST


def _children(case: Case, outcome: Outcome) -> dict[str, int | None]:
    _demand(outcome.status == 207, "is no multistatus")
    itself, *children = parse_multistatus(outcome.body)
    _demand(itself.href == case.path and itself.collection, f"starts with {itself.href}")
    shown = {}
    for child in children:
        _demand(child.href.startswith(itself.href), f"{child.href} lies elsewhere")
        name = unquote(child.href.removeprefix(itself.href))
        _demand(child.collection is name.endswith("/"), f"{name} is of the wrong kind")
        _demand(name.rstrip("/") not in shown, f"{name} comes twice")
        shown[name.rstrip("/")] = child.size_bytes
    return shown


_SIZE_CELL = re.compile(r'title="(\d+) bytes?">')


def _page(case: Case, outcome: Outcome) -> dict[str, int | None]:
    _demand(outcome.status == 200, "is no page")
    page = outcome.body.decode()
    shown: dict[str, int | None] = {}
    base = case.path
    for href, _text in links_of(page):
        below = href.removeprefix(base)
        if not href.startswith(base) or not below or "?" in below:
            continue
        row = next(row for row in page.split("<tr>") if f'href="{href}"' in row)
        size = _SIZE_CELL.search(row)
        shown[unquote(below).rstrip("/")] = int(size[1]) if size else None
    return shown


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Wrong(otherwise)
