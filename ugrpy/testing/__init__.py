"""The fakes that our own tests use, shipped for those who write an endpoint or embed the gateway.

``FakeClock`` is moved by hand; ``VirtualLoop``, ``run_virtual`` and ``LoopClock`` wait an hour in a millisecond;
``ScriptedEndpoint`` answers by a script; ``StorageElement`` is a real WebDAV server on a loopback address that can stall,
lie and break off. Loaded on first use, so that the clock does not bring aiohttp in.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ugrpy.testing.clock import FakeClock
    from ugrpy.testing.dialects import Dialect
    from ugrpy.testing.faults import CopyFault, Encoding, Faults, Part, Xml
    from ugrpy.testing.loop import Deadlock, LoopClock, VirtualLoop, run_virtual
    from ugrpy.testing.scripted import (
        DONE_UNTOLD,
        FAILS,
        HANG,
        HANGS,
        HANGS_AFTER,
        Act,
        Reply,
        ScriptedEndpoint,
    )
    from ugrpy.testing.storage import StorageElement, in_thread
    from ugrpy.testing.tree import FileNode, Tree, parse_tree

__all__ = [
    "DONE_UNTOLD",
    "FAILS",
    "HANG",
    "HANGS",
    "HANGS_AFTER",
    "Act",
    "CopyFault",
    "Deadlock",
    "Dialect",
    "Encoding",
    "FakeClock",
    "Faults",
    "FileNode",
    "LoopClock",
    "Part",
    "Reply",
    "ScriptedEndpoint",
    "StorageElement",
    "Tree",
    "VirtualLoop",
    "Xml",
    "in_thread",
    "parse_tree",
    "run_virtual",
]

_HOMES = {
    "clock": ("FakeClock",),
    "dialects": ("Dialect",),
    "faults": ("CopyFault", "Encoding", "Faults", "Part", "Xml"),
    "loop": ("Deadlock", "LoopClock", "VirtualLoop", "run_virtual"),
    "scripted": (
        "DONE_UNTOLD",
        "FAILS",
        "HANG",
        "HANGS",
        "HANGS_AFTER",
        "Act",
        "Reply",
        "ScriptedEndpoint",
    ),
    "storage": ("StorageElement", "in_thread"),
    "tree": ("FileNode", "Tree", "parse_tree"),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if (module := _MODULE_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
