"""How is it told, as properties, who holds a resource, how old that knowledge is, and whose part of the answer is missing?

In a namespace of our own, and only to those who ask for it by name (or for the names there are): known clients count on what they get.
Sample, of a collection::

    <U:holders xmlns:U="UGRPY:"><U:count>2</U:count>
      <U:holder><U:endpoint>uvic</U:endpoint><U:age>12</U:age></U:holder>
      <U:holder><U:endpoint>cern</U:endpoint><U:age>12</U:age></U:holder></U:holders>
    <U:age xmlns:U="UGRPY:">12</U:age>
    <U:parts xmlns:U="UGRPY:"><U:asked>3</U:asked><U:answered>2</U:answered>
      <U:part><U:endpoint>uvic</U:endpoint><U:age>12</U:age></U:part>
      <U:part><U:endpoint>cern</U:endpoint><U:age>12</U:age></U:part>
      <U:missing><U:endpoint>ral</U:endpoint><U:reason>connection refused</U:reason></U:missing></U:parts>

``parts`` is told of the resource that was asked for. Ages are in seconds. Where endpoints are not to be named there are the counts alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

NAMESPACE = "UGRPY:"
HOLDERS, AGE, PARTS = ((NAMESPACE, local) for local in ("holders", "age", "parts"))

_DECLARED = f' xmlns:U="{NAMESPACE}"'

Escape = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one answer comes from.

    ``ages_s`` is how long ago each endpoint that was heard had spoken, ``missing`` why another's part, or some of it, is not there.
    ``asked`` is how many there are, ``shown`` whether they may be named.
    """

    age_s: int = 0
    ages_s: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    asked: int = 0
    shown: bool = True


def is_asked_for(names: Sequence[tuple[str, str]]) -> bool:
    """Whether any of these is one of ours."""
    return any(namespace == NAMESPACE for namespace, _ in names)


def render_holders(holders: Sequence[str], told: Provenance, escape: Escape) -> str:
    """Who holds the resource; nothing when only mounts make it."""
    if not holders:
        return ""
    named = [_aged("holder", name, told, escape) for name in holders] if told.shown else []
    count = f"<U:count>{len(holders)}</U:count>"
    return f"<U:holders{_DECLARED}>{count}{''.join(named)}</U:holders>"


def render_age(told: Provenance) -> str:
    """How long ago the endpoints were asked."""
    return f"<U:age{_DECLARED}>{told.age_s}</U:age>"


def render_parts(told: Provenance, escape: Escape) -> str:
    """Who contributed to the answer, and who did not."""
    counts = (
        f"<U:asked>{told.asked}</U:asked><U:answered>{told.asked - len(told.missing)}</U:answered>"
    )
    named: list[str] = []
    if told.shown:
        heard = sorted(told.ages_s.keys() - told.missing.keys())
        named = [_aged("part", name, told, escape) for name in heard]
        named += [_missing(name, why, escape) for name, why in sorted(told.missing.items())]
    return f"<U:parts{_DECLARED}>{counts}{''.join(named)}</U:parts>"


def _aged(element: str, name: str, told: Provenance, escape: Escape) -> str:
    age_s = told.ages_s.get(name, told.age_s)
    return f"<U:{element}>{_endpoint(name, escape)}<U:age>{age_s}</U:age></U:{element}>"


def _missing(name: str, why: str, escape: Escape) -> str:
    reason = f"<U:reason>{escape(why)}</U:reason>"
    return f"<U:missing>{_endpoint(name, escape)}{reason}</U:missing>"


def _endpoint(name: str, escape: Escape) -> str:
    return f"<U:endpoint>{escape(name)}</U:endpoint>"
