"""What an operator can set about calendars of downtimes: the ``[downtimes]`` table of the configuration."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ugrpy.health.choosing import TransferTimes


class FeedFormat(StrEnum):
    """What a calendar is written in."""

    GOCDB = "gocdb"
    OSG = "osg"
    SIMPLE = "simple"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One calendar: a file or an address."""

    format: Annotated[
        FeedFormat,
        Field(
            strict=False,
            description="gocdb (get_downtime), osg (topology's rgdowntime) or simple (JSON or TOML)",
        ),
    ]
    source: Annotated[
        str,
        Field(min_length=1, description="http:// or https:// address, or the path of a file"),
    ]
    name: Annotated[str, Field(description="what logs and the endpoints' page call it")] = ""
    ca_file: Annotated[
        Path | None,
        Field(description="PEM file with the authorities to trust instead of the system's"),
    ] = None

    @property
    def called(self) -> str:
        """Its name, or where it comes from."""
        return self.name or self.source

    @property
    def is_remote(self) -> bool:
        """Whether it is fetched."""
        return self.source.startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DowntimeSettings(TransferTimes):
    """``[downtimes]``: which calendars are read, and what is done ahead of a downtime."""

    feeds: Annotated[
        tuple[Feed, ...],
        Field(description="calendars that announce when endpoints are away, a table for each"),
    ] = ()
    interval_s: Annotated[
        float, Field(gt=0, description="seconds between two looks at the calendars")
    ] = 300.0
    max_feed_bytes: Annotated[int, Field(ge=1, description="a longer calendar is not read")] = (
        16 * 1024 * 1024
    )
