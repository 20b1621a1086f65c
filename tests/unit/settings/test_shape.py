"""What is read off a settings dataclass."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from ugrpy.settings.shape import keys_of

Seconds = Annotated[float, Field(gt=0, le=60)]


@dataclass(frozen=True)
class Table:
    """A type with bounds of its own, and one without."""

    plain: Annotated[int, Field(ge=1, description="how many")] = 1
    bounded: Annotated[Seconds, Field(description="how long")] = 2.0
    silent: int = 3


def test_a_type_with_bounds_keeps_them_and_is_described_where_it_is_used():
    plain, bounded, silent = keys_of(Table)

    assert (plain.info.description, str(plain.info.metadata)) == ("how many", "[Ge(ge=1)]")
    assert bounded.info.description == "how long"
    assert str(bounded.info.metadata) == "[Gt(gt=0), Le(le=60)]"
    assert (silent.info.description, silent.default) == (None, 3)
