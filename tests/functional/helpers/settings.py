"""How does a test write a configuration without writing TOML?"""

import json
from collections.abc import Iterable, Mapping

Table = Mapping[str, object]

# No probe comes in between, so that every request at a storage element was caused by the test; no failure takes it out.
QUIET: Table = {"probe": False}
NEVER_EJECT: Table = {"eject_after": 0}


def configuration(
    endpoints: Mapping[str, Table], *, arrays: Iterable[tuple[str, Table]] = (), **tables: Table
) -> str:
    """The text of a configuration file. ``arrays`` are entries of arrays of tables, as (name, table)."""
    parts = [_table(f"[{name}]", values) for name, values in tables.items()]
    parts += [_table(f"[[{name}]]", values) for name, values in arrays]
    parts += [_table(f"[endpoints.{name}]", values) for name, values in endpoints.items()]
    return "\n".join(parts)


def _table(head: str, values: Table) -> str:
    # texts, numbers, truth values and lists of them are written alike in JSON and TOML
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    return "\n".join([head, *lines, ""])
