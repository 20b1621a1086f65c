"""The commands of the satellites that do nothing yet say so."""

import importlib
import runpy
import sys

import pytest

from ugrpy import __version__

SATELLITES = {"glintpy": "Glint", "schedpy": "Cloud Scheduler"}


def run(monkeypatch, capsys, name: str, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    with pytest.raises(SystemExit) as left:
        importlib.import_module(f"{name}.cli").main()
    out, err = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, out, err


@pytest.mark.parametrize("name", SATELLITES)
def test_version(monkeypatch, capsys, name):
    assert run(monkeypatch, capsys, name, "--version") == (0, f"{name} {__version__}\n", "")


@pytest.mark.parametrize(("name", "replaced"), SATELLITES.items())
def test_help_says_what_it_will_be_and_what_it_is(monkeypatch, capsys, name, replaced):
    code, out, _ = run(monkeypatch, capsys, name, "--help")
    text = " ".join(out.split())
    assert code == 0
    assert f"{name} is the part that will be the" in text
    assert replaced in text
    assert "only the shell of the command" in text


@pytest.mark.parametrize("name", SATELLITES)
def test_running_it_says_so_and_fails(monkeypatch, capsys, name):
    code, out, err = run(monkeypatch, capsys, name)
    assert code == 69
    assert out == ""
    assert "only the shell of the command" in err


@pytest.mark.parametrize("name", SATELLITES)
def test_unknown_options_are_refused(monkeypatch, capsys, name):
    assert run(monkeypatch, capsys, name, "--serve")[0] == 2


@pytest.mark.parametrize("name", SATELLITES)
def test_the_module_can_be_run(monkeypatch, capsys, name):
    monkeypatch.setattr(sys, "argv", [name, "--version"])
    with pytest.raises(SystemExit):
        runpy.run_module(name, run_name="__main__")
    assert capsys.readouterr().out == f"{name} {__version__}\n"
