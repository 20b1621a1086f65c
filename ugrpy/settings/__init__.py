"""How does a service take its settings? TOML files with drop-ins, the environment and the command line, told as one tree.

What is particular to a service is its ``Schema``: dataclasses with pydantic annotations for the tables, the prefix of its
environment variables, the keys that name files, and checks across keys. ``load`` gives the tables with the origin of each
key; ``reference.render_reference`` writes the page. Start reading at ``schema``.
"""

from ugrpy.core.listen import Listen, UnixSocket
from ugrpy.settings.loading import Loaded, load
from ugrpy.settings.problems import InvalidConfiguration, Problem
from ugrpy.settings.schema import STRICT, Check, Finding, Schema
from ugrpy.settings.shape import TableName
from ugrpy.settings.sources import Tree

__all__ = [
    "STRICT",
    "Check",
    "Finding",
    "InvalidConfiguration",
    "Listen",
    "Loaded",
    "Problem",
    "Schema",
    "TableName",
    "Tree",
    "UnixSocket",
    "load",
]
