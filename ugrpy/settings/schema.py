"""What makes one service's configuration its own: its tables, how the environment spells them, what is checked across them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from typing import Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter

from ugrpy.settings.lines import KeyPath
from ugrpy.settings.shape import Named, named_tables
from ugrpy.settings.sources import Tree

T = TypeVar("T")

Finding = tuple[KeyPath, str]
"""A key and what is wrong with it."""

Check = Callable[[Tree], Iterable[Finding]]
"""Judges the merged tree as it was written, passing over what has not the right shape: that is told by others."""

# strict: "4" is no number and 1 is not true; TOML has types, and an operator's slip is better told than guessed
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Schema(Generic[T]):
    """The configuration of one service.

    ``tables`` is the dataclass of the top of the file: a field for each table, with ``__pydantic_config__ = STRICT``. A field
    with a tuple of dataclasses of which one field is marked ``TableName`` holds named tables (``[endpoints.NAME]``).
    ``environment`` begins the names of variables (``UGRPY_``). ``file_names`` are the keys whose texts are relative to the file
    they stand in, with ``*`` for any key or element. ``checks`` judge what single keys cannot.
    """

    tables: type[T]
    environment: str
    file_names: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        if not is_dataclass(self.tables) or not hasattr(self.tables, "__pydantic_config__"):
            raise TypeError(
                f"{self.tables.__name__} must be a dataclass with __pydantic_config__ = STRICT"
            )

    @cached_property
    def adapter(self) -> TypeAdapter[T]:
        """What judges single keys."""
        return TypeAdapter(self.tables)

    @property
    def named(self) -> Mapping[str, Named]:
        """The keys that hold tables by name."""
        return named_tables(self.tables)
