"""Which area may import which: the table, and the check of every import against it."""

from collections.abc import Container, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.architecture.sources import (
    PACKAGES,
    Import,
    imports_of,
    is_below,
    longest_prefix,
    our_modules,
)

# What satellites share with the gateway; they talk to it and to each other over HTTP only.
_SHARED = (
    "ugrpy.core",
    "ugrpy.locality",
    "ugrpy.security",
    "ugrpy.settings",
    "ugrpy.service",
    "ugrpy.transport",
)

# Every kind of endpoint has this row: a kind never imports another kind.
KIND = (
    "ugrpy.core",
    "ugrpy.namespace",
    "ugrpy.webdav",
    "ugrpy.metalink",
    "ugrpy.transport",
    "ugrpy.endpoints.base",
    "ugrpy.endpoints.over_http",
    "ugrpy.endpoints.over_http_bodies",
    "ugrpy.endpoints.over_http_outcomes",
)

_BELOW_FRONTEND = (
    "ugrpy.core",
    "ugrpy.namespace",
    "ugrpy.locality",
    "ugrpy.webdav",
    "ugrpy.metalink",
    "ugrpy.security",
    "ugrpy.cache",
    "ugrpy.telemetry",
    "ugrpy.endpoints.base",
    "ugrpy.health",
    "ugrpy.load",
    "ugrpy.transport",
    "ugrpy.service",
    "ugrpy.endpoints",
    "ugrpy.endpoints.registry",
    "ugrpy.federation",
    "ugrpy.shared",
    "ugrpy.journal",
    "ugrpy.changing",
    "ugrpy.streaming",
    "ugrpy.summing",
    "ugrpy.copying",
    "ugrpy.compat",
    "ugrpy.recording",
    "ugrpy.past",
    "ugrpy.announcing",
)

# area -> the areas it may import besides itself and the version in ``ugrpy``
LAYERS: Mapping[str, tuple[str, ...]] = {
    "ugrpy": (),
    "ugrpy.core": (),
    # pure areas
    "ugrpy.namespace": ("ugrpy.core",),
    "ugrpy.locality": ("ugrpy.core",),
    "ugrpy.webdav": ("ugrpy.core", "ugrpy.namespace"),
    "ugrpy.metalink": ("ugrpy.core", "ugrpy.namespace"),
    # rules are about paths, and about networks
    "ugrpy.security": ("ugrpy.core", "ugrpy.namespace", "ugrpy.locality"),
    "ugrpy.cache": ("ugrpy.core",),
    "ugrpy.telemetry": ("ugrpy.core",),
    # webdav for the names of quirks, which are met there and shown by every kind
    "ugrpy.endpoints.base": ("ugrpy.core", "ugrpy.namespace", "ugrpy.webdav"),
    "ugrpy.health": ("ugrpy.core", "ugrpy.namespace"),
    "ugrpy.load": ("ugrpy.core", "ugrpy.security", "ugrpy.telemetry"),
    # adapters
    "ugrpy.transport": ("ugrpy.core",),
    "ugrpy.settings": ("ugrpy.core",),
    "ugrpy.service": ("ugrpy.core", "ugrpy.security", "ugrpy.settings"),
    "ugrpy.endpoints": (),
    "ugrpy.endpoints.ancestors": ("ugrpy.core", "ugrpy.namespace"),
    "ugrpy.endpoints.completing": ("ugrpy.core", "ugrpy.namespace", "ugrpy.endpoints.base"),
    "ugrpy.endpoints.over_http": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.transport",
        "ugrpy.endpoints.ancestors",
        "ugrpy.endpoints.base",
    ),
    "ugrpy.endpoints.over_http_bodies": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.webdav",
        "ugrpy.transport",
        "ugrpy.endpoints.base",
        "ugrpy.endpoints.over_http",
    ),
    "ugrpy.endpoints.over_http_outcomes": ("ugrpy.namespace",),
    # finds the kinds by name when they are asked for
    "ugrpy.endpoints.registry": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.transport",
        "ugrpy.endpoints.base",
    ),
    # orchestration, and what clients see
    "ugrpy.journal": ("ugrpy.core", "ugrpy.namespace"),
    "ugrpy.shared": ("ugrpy.core", "ugrpy.namespace", "ugrpy.cache", "ugrpy.telemetry"),
    "ugrpy.federation": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.locality",
        "ugrpy.security",
        "ugrpy.cache",
        "ugrpy.telemetry",
        "ugrpy.endpoints.base",
        "ugrpy.endpoints.registry",
        "ugrpy.health",
        "ugrpy.load",
        "ugrpy.shared",
    ),
    "ugrpy.compat": ("ugrpy.core", "ugrpy.namespace", "ugrpy.health"),
    "ugrpy.past": ("ugrpy.core", "ugrpy.namespace", "ugrpy.federation", "ugrpy.journal"),
    "ugrpy.changing": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.locality",
        "ugrpy.cache",
        "ugrpy.telemetry",
        "ugrpy.endpoints.base",
        "ugrpy.federation",
        "ugrpy.journal",
    ),
    # tells refusals of storages as changes do
    "ugrpy.streaming": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.locality",
        "ugrpy.webdav",
        "ugrpy.endpoints.base",
        "ugrpy.federation",
        "ugrpy.changing",
    ),
    "ugrpy.summing": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.webdav",
        "ugrpy.cache",
        "ugrpy.telemetry",
        "ugrpy.endpoints.base",
        "ugrpy.federation",
        "ugrpy.journal",
    ),
    # between workers it speaks by the bus
    "ugrpy.announcing": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.telemetry",
        "ugrpy.health",
        "ugrpy.transport",
        "ugrpy.service",
    ),
    "ugrpy.copying": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.locality",
        "ugrpy.webdav",
        "ugrpy.security",
        "ugrpy.telemetry",
        "ugrpy.endpoints.base",
        # what a redirect means is the same for all who speak HTTP
        "ugrpy.endpoints.over_http",
        "ugrpy.transport",
        "ugrpy.federation",
        "ugrpy.changing",
    ),
    # holds what a federation knew of a name until it is on disk
    "ugrpy.recording": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.locality",
        "ugrpy.security",
        "ugrpy.telemetry",
        "ugrpy.federation",
    ),
    "ugrpy.frontend": (
        "ugrpy.core",
        "ugrpy.namespace",
        "ugrpy.locality",
        "ugrpy.webdav",
        "ugrpy.metalink",
        "ugrpy.security",
        "ugrpy.telemetry",
        "ugrpy.load",
        "ugrpy.service",
        "ugrpy.federation",
        "ugrpy.changing",
        "ugrpy.streaming",
        "ugrpy.summing",
        "ugrpy.copying",
        "ugrpy.recording",
    ),
    # wiring: imported by nothing above
    "ugrpy.config": (*_BELOW_FRONTEND, "ugrpy.frontend", "ugrpy.settings"),
    "ugrpy.testing": (*_BELOW_FRONTEND, "ugrpy.frontend", "ugrpy.config"),
    "ugrpy.wiring": (
        *_BELOW_FRONTEND,
        "ugrpy.endpoints.completing",
        "ugrpy.endpoints.over_http",
        "ugrpy.frontend",
        "ugrpy.config",
    ),
    "ugrpy.demo": (*_BELOW_FRONTEND, "ugrpy.frontend", "ugrpy.config", "ugrpy.testing"),
    "ugrpy.cli": (
        *_BELOW_FRONTEND,
        "ugrpy.frontend",
        "ugrpy.config",
        "ugrpy.wiring",
        "ugrpy.demo",
        # the address of the admin listener is written on the command line as it is in a file
        "ugrpy.settings",
    ),
    "ugrpy.__main__": ("ugrpy.cli",),
    "shoalpy": _SHARED,
    "glintpy": _SHARED,
    "schedpy": _SHARED,
}


def area_of(name: str) -> str | None:
    """The area of a module, or of something imported from one; ``None`` outside our packages."""
    area = longest_prefix(name, LAYERS)
    if area == "ugrpy.endpoints" and name != area:
        return ".".join(name.split(".")[:3])  # a kind, whichever it is
    return area


def may_import(area: str) -> tuple[str, ...]:
    """The row of an area."""
    return LAYERS.get(area, KIND)


def layer_violations(module: str, source: str) -> list[str]:
    """Every import of a module that its row does not allow, in words."""
    area = area_of(module)
    assert area is not None, module
    allowed = {area, *may_import(area)}
    return [
        f"{module}:{found.line} imports {found.target}: {why}"
        for found in imports_of(source)
        if (why := _refusal(found, area, allowed))
    ]


def _refusal(found: Import, area: str, allowed: Container[str | None]) -> str:
    if found.target.startswith("."):
        return "relative"
    if found.target.partition(".")[0] not in PACKAGES:
        return ""
    target = area_of(found.target)
    if target == "ugrpy":
        # the root holds the version; any other name in it would be an area that has no row
        return "" if found.target in ("ugrpy", "ugrpy.__version__") else "not in the table"
    return "" if target in allowed else f"{area} may not import {target}"


def unlisted(modules: Iterable[tuple[str, bool]]) -> list[str]:
    """The areas of (module, is it a package) that have no row; beside the kinds of endpoint, which are folders."""
    missing = []
    for module, is_package in modules:
        if module in LAYERS or module.count(".") == 0:
            continue
        area = area_of(module)
        assert area is not None
        is_kind_file = area == module and not is_package and is_below(area, "ugrpy.endpoints")
        if area == "ugrpy" or is_kind_file:
            missing.append(module)
    return missing


def cycle_in(table: Mapping[str, Iterable[str]]) -> list[str]:
    """Areas that import each other in a circle; empty when there is none."""
    try:
        TopologicalSorter(table).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


# -- the tree --------------------------------------------------------------------------------------


def test_every_import_goes_down():
    assert [
        wrong for module in our_modules() for wrong in layer_violations(module.name, module.source)
    ] == []


def test_every_area_has_a_row():
    assert unlisted([(module.name, module.is_package) for module in our_modules()]) == []


def test_the_table_has_no_cycle_and_names_only_areas():
    assert cycle_in({**LAYERS, "a kind": KIND}) == []
    assert {area for row in (*LAYERS.values(), KIND) for area in row} <= LAYERS.keys()


def test_only_wiring_imports_wiring_and_only_the_command_line_imports_the_demo():
    wiring = {"ugrpy.config", "ugrpy.testing", "ugrpy.wiring", "ugrpy.demo", "ugrpy.cli"}
    importers = {area: {above for above, row in LAYERS.items() if area in row} for area in wiring}

    assert importers["ugrpy.demo"] == {"ugrpy.cli"}
    assert importers["ugrpy.cli"] == {"ugrpy.__main__"}
    assert importers["ugrpy.config"] | importers["ugrpy.testing"] <= wiring


# -- planted violations ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ugrpy.core.urls", "import ugrpy.namespace.model"),
        ("ugrpy.locality.rank", "from ugrpy.health import board"),
        ("ugrpy.webdav.request", "def f():\n    from ugrpy.transport.client import Client"),
        (
            "ugrpy.namespace.merge",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ugrpy.endpoints.base import Probe",
        ),
        ("ugrpy.health.breaker", "from ugrpy import federation"),
        ("ugrpy.health.breaker", "from importlib import import_module\nimport_module('ugrpy.cli')"),
        (
            "ugrpy.federation.core",
            "import importlib\nimportlib.import_module('ugrpy.frontend.page')",
        ),
        (
            "ugrpy.endpoints.dav.endpoint",
            "from ugrpy.endpoints.plainhttp.endpoint import HttpEndpoint",
        ),
        ("ugrpy.endpoints.dav.endpoint", "from ugrpy.endpoints import memory"),
        ("ugrpy.endpoints.base", "from ugrpy.endpoints.dav import DavEndpoint"),
        ("ugrpy.frontend.handlers", "from ugrpy.config import load"),
        ("ugrpy.frontend.handlers", "from . import page"),
        ("ugrpy.frontend.handlers", "from ugrpy import somewhere_new"),
        ("ugrpy.service.runner", "import ugrpy.demo.tour"),
        ("shoalpy.web", "from ugrpy.federation import Federation"),
        ("shoalpy.web", "import glintpy.model"),
        ("ugrpy.locality.rank", "from shoalpy import registry"),
    ],
)
def test_a_planted_import_is_caught(module, source):
    assert len(layer_violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ugrpy.endpoints.dav.endpoint", "from ugrpy.endpoints.dav.listing import read"),
        ("ugrpy.endpoints.dav.endpoint", "from ugrpy.endpoints.base import Endpoint"),
        ("ugrpy.endpoints.dav.endpoint", "from ugrpy.endpoints import base"),
        ("ugrpy.cli", "from ugrpy import __version__, config"),
        ("ugrpy.demo.tour", "import ugrpy.testing.clock, asyncio"),
        ("schedpy.web", "from ugrpy.service import runner\nfrom schedpy.model import Job"),
    ],
)
def test_what_the_table_allows_passes(module, source):
    assert layer_violations(module, source) == []


def test_a_new_area_needs_a_row():
    assert (
        unlisted([("ugrpy.core.new", False), ("ugrpy.endpoints.s3", True), ("shoalpy.web", False)])
        == []
    )
    assert unlisted([("ugrpy.endpoints.s3", True), ("ugrpy.endpoints.s3.wire", False)]) == []
    assert unlisted([("ugrpy.new", True)]) == ["ugrpy.new"]
    assert unlisted([("ugrpy.new.part", False)]) == ["ugrpy.new.part"]
    assert unlisted([("ugrpy.endpoints.helper", False)]) == ["ugrpy.endpoints.helper"]


def test_a_cycle_is_caught():
    assert set(cycle_in({**LAYERS, "ugrpy.core": ("ugrpy.frontend",)})) >= {
        "ugrpy.core",
        "ugrpy.frontend",
    }
