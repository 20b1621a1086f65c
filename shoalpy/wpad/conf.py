"""What does a ``wlcgwpad.conf`` say, the file that WLCG services are configured with (reference section 10.1)?

A line is an option, a name, ``=`` and a list; ``#`` begins a comment::

    destshexps cvmfs=*/cvmfs/*
    destshexps both=cvmfs,*:8000/*
    backupproxies cvmfs=b1.example.org,b2.example.org:8080
    hostproxies lhc.example.org=WLCG+BACKUP,OVERLOAD=cvmfs;1000;15;60,cvmfs=DIRECT,p.example.org
    overload excludes=Provider%2c Inc.
    fsadconf monitor=198.51.100.7

The lists are those of ``[wpad]`` and become what could be said there. In a list, a name that an earlier line of the same option gave stands for its
list. A line that is none of these is passed over and told of; a list that makes no sense is refused with the whole file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from shoalpy.fsad import parse_fsad_line
from shoalpy.wpad.policy import DestinationSettings, HostSettings, WpadPolicy


@dataclass(frozen=True, slots=True)
class WlcgConf:
    """The content of one file. ``problems`` are the lines that were passed over, and why."""

    hosts: tuple[HostSettings, ...] = ()
    destinations: tuple[DestinationSettings, ...] = ()
    overload_excludes: tuple[str, ...] = ()
    fsad: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def under(self, policy: WpadPolicy) -> WpadPolicy:
        """The policy with this added; what both name is as the policy has it."""
        # in the place of the file's, so that names further down stand for what counts
        hosts = {one.name.lower(): one for one in (*self.hosts, *policy.hosts)}
        destinations = {one.name: one for one in (*self.destinations, *policy.destinations)}
        return replace(
            policy,
            hosts=tuple(hosts.values()),
            destinations=tuple(destinations.values()),
            overload_excludes=self.overload_excludes + policy.overload_excludes,
        )


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    hosts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    globs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    backups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    excludes: list[str] = field(default_factory=list)
    fsad: dict[str, str] = field(default_factory=dict)

    def line(self, option: str, name: str, value: str) -> None:
        """Take in one line. Raises ``ValueError`` that says what was expected."""
        words = tuple(word for part in value.split(",") if (word := part.strip()))
        match option:
            case "hostproxies":
                self.hosts[name] = words
            case "destshexps" if words:
                self.globs[name] = words
            case "backupproxies":
                self.backups[name] = tuple(
                    one for word in words for one in self.backups.get(word, (word,))
                )
            case "overload" if name == "excludes":
                self.excludes += map(unquote, words)
            case "fsadconf":
                parse_fsad_line(f"{name}={value}")
                self.fsad[name] = value
            case _:
                raise ValueError(f"nothing is known by {option} {name}={value}")

    def destinations(self) -> tuple[DestinationSettings, ...]:
        """Those with patterns in their order; then those that only backups are given for, which ``OVERLOAD`` may name."""
        return tuple(
            DestinationSettings(
                name=name, globs=self.globs.get(name, ()), backups=self.backups.get(name, ())
            )
            for name in dict.fromkeys((*self.globs, *self.backups))
        )


def parse_conf(text: str) -> WlcgConf:
    """All that the file says."""
    reading, problems = _Reading(), []
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        try:
            reading.line(*_parts(said))
        except ValueError as error:
            problems.append(f"line {number}: {error}")
    return WlcgConf(
        tuple(HostSettings(name=name, proxies=words) for name, words in reading.hosts.items()),
        reading.destinations(),
        tuple(reading.excludes),
        reading.fsad,
        tuple(problems),
    )


def _parts(said: str) -> tuple[str, str, str]:
    """Option, name and value of a line. Raises ``ValueError``."""
    option, *rest = said.split(None, 1)
    name, equals, value = (part.strip() for part in "".join(rest).partition("="))
    if not (name and equals):
        raise ValueError(f"expected: option name=list, found {said!r}")
    return option, name, value
