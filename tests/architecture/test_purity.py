"""The pure areas stay pure: they do no I/O, start nothing, and are told the time and the dice."""

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.sources import imports_of, is_below, our_modules, parsed

PURE = (
    "ugrpy.core",
    "ugrpy.namespace",
    "ugrpy.locality",
    "ugrpy.webdav",
    "ugrpy.metalink",
    "ugrpy.security",
    "ugrpy.cache",
    "ugrpy.health",
    "ugrpy.load",
    "ugrpy.telemetry",
    "ugrpy.endpoints.base",
    "ugrpy.transport.options",
    "ugrpy.frontend.page",
    "ugrpy.frontend.problem",
)

# The edges inside pure areas, and why each is one. Pure modules do not import them either.
EDGES = {
    "ugrpy.core.aio": "owns the tasks",
    "ugrpy.core.clock": "owns the time",
    "ugrpy.locality.geodb": "reads database files",
    "ugrpy.locality.geowatch": "looks whether they have changed",
    "ugrpy.cache.shared": "talks to memcached or Valkey",
    "ugrpy.health.prober": "runs the probes",
    "ugrpy.load.admission": "lets requests wait, and says so in the log",
    "ugrpy.load.gate": "waits for turns",
    "ugrpy.load.turns": "lets questions wait",
    "ugrpy.security.jwks": "fetches keys",
    "ugrpy.security.tls": "makes TLS contexts",
}

IMPURE_IMPORTS = (
    "aio_pika",
    "aiodns",
    "aiohttp",
    "asyncio",
    "concurrent",
    "http.client",
    "http.server",
    "logging",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "structlog",
    "subprocess",
    "threading",
    "time",
    "urllib.request",
    "uvloop",
)

IMPURE_CALLS = {"open", "print", "input"}
# datetime.now(UTC) passes the linter, but it asks the machine
IMPURE_METHODS = {"now", "utcnow", "today"}

# aiohttp's client has one importer (transport) besides the parts that play a client themselves
HTTP_CLIENT_OWNERS = ("ugrpy.transport", "ugrpy.testing", "ugrpy.demo")
_HTTP_CLIENT = (
    "Client",
    "TCPConnector",
    "UnixConnector",
    "BaseConnector",
    "request",
    "client",
    "connector",
)


def is_pure(module: str) -> bool:
    """Whether the rules below hold for a module."""
    return module not in EDGES and any(is_below(module, area) for area in PURE)


def impurities(module: str, source: str) -> list[str]:
    """What a pure module should not do, in words; nothing for any other module."""
    if not is_pure(module):
        return []
    imported = [
        f"{module}:{found.line} imports {found.target}"
        for found in imports_of(source)
        if any(is_below(found.target, name) for name in (*IMPURE_IMPORTS, *EDGES))
    ]
    return imported + [f"{module}:{line} calls {name}" for line, name in _impure_calls(source)]


def _impure_calls(source: str) -> Iterator[tuple[int, str]]:
    tree = parsed(source)
    script = {id(node) for block in tree.body if _is_script(block) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or id(node) in script:
            continue
        match node.func:
            case ast.Name(id=name) if name in IMPURE_CALLS:
                yield node.lineno, name
            case ast.Attribute(attr=name, value=ast.Name(id=owner) | ast.Attribute(attr=owner)) if (
                name in IMPURE_METHODS and owner in ("datetime", "date")
            ):
                yield node.lineno, name
            case _:
                pass


def _is_script(block: ast.stmt) -> bool:
    """``if __name__ == "__main__":``, which does not run when the module is imported."""
    return isinstance(block, ast.If) and ast.unparse(block.test) == "__name__ == '__main__'"


def http_client_uses(module: str, source: str) -> list[str]:
    """Where a module that does not own it touches aiohttp's client."""
    if any(is_below(module, owner) for owner in HTTP_CLIENT_OWNERS):
        return []
    names = [
        (found.line, found.target.partition(".")[2])
        for found in imports_of(source)
        if _aiohttp(found.target)
    ]
    names += [
        (node.lineno, node.attr)
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "aiohttp"
    ]
    return [
        f"{module}:{line} uses aiohttp.{name}"
        for line, name in names
        if name.startswith(_HTTP_CLIENT)
    ]


def _aiohttp(target: str) -> bool:
    return is_below(target, "aiohttp")


# -- the tree --------------------------------------------------------------------------------------


def test_pure_modules_are_pure():
    assert [
        wrong for module in our_modules() for wrong in impurities(module.name, module.source)
    ] == []


def test_one_area_speaks_http_to_storage():
    assert [
        wrong for module in our_modules() for wrong in http_client_uses(module.name, module.source)
    ] == []


# -- planted violations ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", IMPURE_IMPORTS)
@pytest.mark.parametrize(
    "form", ["import {}", "import {}.part", "from {} import part", "def f():\n    import {}"]
)
def test_a_planted_import_is_caught(name, form):
    assert len(impurities("ugrpy.namespace.merge", form.format(name))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "from ugrpy.core.aio import spawn",
        "from ugrpy.core import clock",
        "x = open('f')",
        "print('x')",
        "if __name__ == 'main':\n    print('x')",
        "from datetime import UTC, datetime\nx = datetime.now(UTC)",
        "import datetime\nx = datetime.datetime.now()",
        "import datetime\nx = datetime.date.today()",
    ],
)
def test_a_planted_edge_or_call_is_caught(source):
    assert len(impurities("ugrpy.health.breaker", source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("ugrpy.core.clock", "import time"),
        ("ugrpy.health.prober", "import asyncio\nfrom ugrpy.core.aio import spawn"),
        ("ugrpy.federation.core", "import asyncio"),
        ("ugrpy.namespace.merge", "import timeit, ossaudiodev, re"),
        (
            "ugrpy.webdav.dates",
            "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)",
        ),
        ("ugrpy.telemetry", 'if __name__ == "__main__":\n    print("a page of the documentation")'),
        ("ugrpy.webdav.request", "from http import HTTPStatus\nfrom urllib.parse import quote"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert impurities(module, source) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("from aiohttp import ClientSession", 1),
        ("from aiohttp.client import ClientSession", 1),
        ("import aiohttp\nasync def f():\n    return aiohttp.ClientSession()", 1),
        ("from aiohttp import web, hdrs", 0),
        ("import aiohttp.web", 0),
    ],
)
def test_a_planted_http_client_is_caught(source, count):
    assert len(http_client_uses("ugrpy.frontend.handlers", source)) == count
    assert http_client_uses("ugrpy.transport.client", source) == []
