"""What holds for whole files: docstrings, size, the lock, the commands, and no trace of anybody's machine."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterable

import pytest

from tests.architecture.sources import PACKAGES, ROOT, our_modules, parsed

# A file of this length is asked which second idea has moved in; the other is too long whatever the answer.
LONG_LINES = 400
TOO_LONG_LINES = 600

# The pattern does not match itself, so this file need not be left out.
_MACHINE_PATH = re.compile(rb"(?<![\w.~-])/(?:work|root)/")


def missing_docstring(module: str, source: str) -> list[str]:
    """The module when it does not say which question it answers; an empty file answers none."""
    tree = parsed(source)
    return [module] if tree.body and not ast.get_docstring(tree) else []


def folders_without_init(modules: Iterable[tuple[str, bool]]) -> set[str]:
    """Folders with modules but no ``__init__``: they import, but say nothing of what they are for."""
    listed = list(modules)
    packages = {name for name, is_package in listed if is_package}
    return {name.rpartition(".")[0] for name, _ in listed if "." in name} - packages


def length_findings(module: str, source: str) -> tuple[list[str], list[str]]:
    """(too long, long): the module with its number of lines, in the list where it belongs, if any."""
    lines = len(source.splitlines())
    said = [f"{module}: {lines} lines"]
    if lines > TOO_LONG_LINES:
        return said, []
    return [], said if lines > LONG_LINES else []


def lock_findings(text: str) -> list[str]:
    """Lines of the lock file that tie it to a place: addresses, index options, files."""
    tied = re.compile(r"://|^\s*(?:-i|-f|--(?!hash=)[a-z-]+)\b|\s@\s")
    return [line for line in text.splitlines() if tied.search(line)]


def machine_paths(name: str, content: bytes) -> list[str]:
    """Lines that name a folder of the machine where they were written."""
    return [
        f"{name}:{number}: {line.decode(errors='replace').strip()[:160]}"
        for number, line in enumerate(content.splitlines(), start=1)
        if _MACHINE_PATH.search(line)
    ]


# -- the tree --------------------------------------------------------------------------------------


def test_every_module_has_a_docstring():
    assert [
        wrong for module in our_modules() for wrong in missing_docstring(module.name, module.source)
    ] == []


def test_every_folder_is_a_package():
    assert (
        folders_without_init([(module.name, module.is_package) for module in our_modules()])
        == set()
    )


def test_no_file_is_too_long():
    findings = [length_findings(module.name, module.source) for module in our_modules()]
    too_long = [said for found, _ in findings for said in found]
    long = [said for _, found in findings for said in found]
    assert too_long == [], f"and these are getting long: {long}"


def test_the_lock_is_tied_to_no_place():
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert lock_findings(text) == []
    assert "--hash=sha256:" in text


def test_there_is_a_command_for_each_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["scripts"] == {package: f"{package}.cli:main" for package in PACKAGES}


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="git knows which files are ours: run in a clone"
)
def test_no_file_names_a_folder_of_a_machine():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30, check=True
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    files = [(name, ROOT / name) for name in names]
    # a file may be listed and gone while a change is in the making
    found = [
        line
        for name, file in files
        if file.is_file()
        for line in machine_paths(name, file.read_bytes())
    ]
    assert found == []


# -- planted violations ----------------------------------------------------------------------------


def test_a_missing_docstring_is_caught():
    assert missing_docstring("m", "import re\n") == ["m"]
    assert missing_docstring("m", "# a comment\nx = 1\n'late'\n") == ["m"]
    assert missing_docstring("m", '"""What."""\nimport re\n') == []
    assert missing_docstring("m", "") == []


def test_a_folder_without_init_is_caught():
    assert (
        folders_without_init([("a", True), ("a.b", True), ("a.b.c", False), ("a.d", False)])
        == set()
    )
    assert folders_without_init([("a", True), ("a.b.c", False)]) == {"a.b"}


def test_a_long_file_is_caught():
    assert length_findings("m", "x = 1\n" * 601) == (["m: 601 lines"], [])
    assert length_findings("m", "x = 1\n" * 600) == ([], ["m: 600 lines"])
    assert length_findings("m", "x = 1\n" * 400) == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://mirror.example/simple",
        "--extra-index-url mirror",
        "-i mirror",
        "--find-links wheels",
        "--trusted-host mirror.example",
        "aiohttp @ file:///tmp/aiohttp.whl",
        "aiohttp @ aiohttp.whl",
        "-e git+ssh://somewhere",
    ],
)
def test_a_lock_tied_to_a_place_is_caught(line):
    lock = f"aiodns==4.0.4 \\\n    --hash=sha256:c24d\n{line}\n"
    assert lock_findings(lock) == [line]


@pytest.mark.parametrize("folder", ["work", "root"])
def test_a_folder_of_a_machine_is_caught(folder):
    assert machine_paths("f", f"a\nsee /{folder}/main\n".encode()) == [f"f:2: see /{folder}/main"]
    assert machine_paths("f", f"file:///{folder}/x".encode()) != []
    for harmless in (f"docs/{folder}/x", f"../{folder}/x", f"/{folder}s/x", f"/a{folder}/x"):
        assert machine_paths("f", harmless.encode()) == []
