"""Every module can be the first one imported, and the shared ones bring no ballast along."""

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.sources import PACKAGES, ROOT, imports_of, is_below, our_modules
from tests.architecture.test_purity import EDGES, is_pure

_LIMIT_S = 400
# some 500 modules, each in a process of its own: half a minute, and much longer beside other work
pytestmark = pytest.mark.timeout(_LIMIT_S + 20)


def import_each(
    modules: Iterable[str], libraries: Iterable[str], where: Path = ROOT
) -> dict[str, dict[str, Any]]:
    """What ``import_each.py`` says of the modules."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("import_each.py")), *libraries],
        input="\n".join(modules),
        env={"PYTHONPATH": str(where), "PATH": "/usr/bin:/bin"},
        cwd=where,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return outcome


@pytest.fixture(scope="module")
def outcomes():
    tops = {
        found.target.partition(".")[0]
        for module in our_modules()
        for found in imports_of(module.source)
    }
    libraries = sorted(tops - {*PACKAGES, ""} - sys.stdlib_module_names)
    return import_each([module.name for module in our_modules()], libraries)


def test_every_module_imports_alone(outcomes):
    failed = [f"{module}:\n{said['error']}" for module, said in outcomes.items() if said["error"]]
    assert not failed, "\n".join(failed)


def test_pure_modules_load_no_edge_even_through_others(outcomes):
    loaded = {
        module: EDGES.keys() & set(said["loaded"])
        for module, said in outcomes.items()
        if is_pure(module)
    }
    assert {module: edges for module, edges in loaded.items() if edges} == {}


def test_the_root_imports_nothing_of_ours(outcomes):
    assert outcomes["ugrpy"]["loaded"] == ["ugrpy"]


def test_satellites_do_not_load_each_other_or_the_gateway(outcomes):
    for satellite in PACKAGES[1:]:
        others = {*PACKAGES[1:], "ugrpy.federation", "ugrpy.frontend", "ugrpy.config"} - {satellite}
        for module, said in outcomes.items():
            if is_below(module, satellite):
                assert others.isdisjoint(said["loaded"]), module


def test_locality_brings_no_http_client_and_no_event_loop():
    fresh = subprocess.run(
        [sys.executable, "-c", "import sys, ugrpy.locality; print(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=True,
    )
    loaded = set(fresh.stdout.split())
    assert loaded.isdisjoint({"aiohttp", "asyncio", "uvloop", "structlog", "lxml"})
    ours = {name for name in loaded if is_below(name, "ugrpy")} - {"ugrpy"}
    assert {name for name in ours if not name.startswith(("ugrpy.core", "ugrpy.locality"))} == set()


def test_planted_trouble_is_told(tmp_path):
    package = tmp_path / "planted"
    package.mkdir()
    (package / "__init__.py").write_text("")
    # each imports first from the other: fine in one order, broken in the other
    (package / "one.py").write_text("from planted.two import b\na = 1\n")
    (package / "two.py").write_text("b = 1\nfrom planted.one import a\n")
    (package / "runs.py").write_text("raise SystemExit(0)\n")
    (package / "dies.py").write_text("import os\nos._exit(3)\n")

    said = import_each(
        ["planted", "planted.one", "planted.two", "planted.runs", "planted.dies"],
        ["no_such_library"],
        tmp_path,
    )
    assert said["planted"] == {"error": "", "loaded": ["planted"]}
    assert (
        "partially initialized" in said["planted.one"]["error"]
        or "circular" in said["planted.one"]["error"]
    )
    assert said["planted.two"]["error"] == ""
    assert "SystemExit" in said["planted.runs"]["error"]
    assert "ended the process" in said["planted.dies"]["error"]
