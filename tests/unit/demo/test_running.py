"""What surrounds the steps: the folder, the configuration, the looks, the exit codes that need no server."""

import io
import tomllib

import pytest
from rich.console import Console

from tests.unit.demo.ideal import Ideal
from ugrpy.core.errors import UgrError
from ugrpy.demo import tour
from ugrpy.demo.folder import config_text
from ugrpy.demo.scene import Scene
from ugrpy.service.tour.conducting import folder_for, run_steps
from ugrpy.service.tour.outcome import Check, Grid, Outcome, Quote, Step, all_of
from ugrpy.service.tour.processes import clean_environment, tail, wait_until
from ugrpy.service.tour.report import (
    Done,
    make_console,
    render_step,
    render_summary,
    show_hints,
    verdict,
)

GOOD = Outcome(
    "A sentence.", Grid(("a",), (("#x [bold]1[/bold] [/]",),)), (Check("it is so", True),)
)
BAD = Outcome("Another.", Quote("command", "output"), (Check("it is so", False, "it was not"),))


def shown(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=90)
    console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_step_shows_heading_sentence_evidence_and_claims():
    text = shown(render_step(2, 9, Done("Who holds what", GOOD, 0.1)))
    assert "2 of 9  Who holds what" in text
    assert "A sentence." in text
    assert "#x [bold]1[/bold] [/]" in text  # names are not mark-up
    assert "✓ it is so" in text
    text = shown(render_step(1, 1, Done("t", BAD, 0.1)))
    assert "$ command" in text
    assert "✗ it is so: it was not" in text


def test_the_summary_counts_claims_and_gives_the_verdict():
    good, bad = Done("one", GOOD, 1.26), Done("two", BAD, 0.04)
    text = shown(render_summary([good, bad], 2))
    assert "1 of 1" in text
    assert "0 of 1" in text
    assert "1.3" in text
    assert "Only 1 of 2 steps held." in text
    assert "All 1 steps held." in shown(render_summary([good], 1))
    assert verdict([good, good], 2)
    assert not verdict([good], 2)
    assert not verdict([good, bad], 2)


def test_a_terminal_without_unicode_is_no_reason_to_stop(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    console = make_console()
    assert console.width == 100
    console.print(render_step(1, 1, Done("kůň", GOOD, 0.1)))
    console.print(render_step(1, 1, Done("kůň", BAD, 0.1)))
    console.file.flush()
    text = raw.getvalue().decode("ascii")
    assert "ok it is so" in text
    assert "NO it is so" in text
    assert "k??" in text


def test_hints_are_printed_as_they_are():
    console = Console(file=io.StringIO(), width=30)
    show_hints(console, "Try", "curl -si [x] " + "y" * 60)
    assert isinstance(console.file, io.StringIO)
    assert "curl -si [x] " + "y" * 60 in console.file.getvalue()


def test_steps_run_on_after_a_failure():
    console = Console(file=io.StringIO(), width=90)
    steps: tuple[Step[Scene], ...] = (
        Step("first", lambda _: BAD),
        Step("second", lambda _: GOOD),
    )
    done = run_steps(console, steps, Ideal().scene())
    assert [step.outcome for step in done] == [BAD, GOOD]
    assert isinstance(console.file, io.StringIO)
    assert "Only 1 of 2 steps held." in console.file.getvalue()


def test_all_of():
    assert all_of("right", [], 3) == Check("right (3 of 3)", True, "")
    assert not all_of("right", [], 0).held
    assert all_of("right", list("abcde"), 9).detail == "a; b; c; and 2 more"


def test_a_temporary_folder_is_removed():
    with folder_for("ugrpy", None) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text("x")
    assert not folder.exists()


def test_a_kept_folder_stays(tmp_path):
    with folder_for("ugrpy", tmp_path / "new") as folder:
        (folder / "file").write_text("x")
    assert (tmp_path / "new" / "file").exists()
    with pytest.raises(UgrError, match="not empty"), folder_for("ugrpy", tmp_path / "new"):
        pass
    with (
        pytest.raises(UgrError, match="cannot use"),
        folder_for("ugrpy", tmp_path / "new" / "file"),
    ):
        pass


def test_the_configuration_is_toml_with_every_part(tmp_path):
    geoip = tmp_path / 'odd "name" ž.mmdb'
    text = config_text({"tokyo": "http://127.0.3.1:8403"}, 8080, geoip)
    read = tomllib.loads(text)
    assert read["service"]["listen"] == ["127.0.0.1:8080"]
    assert read["locality"]["geoip"] == [str(geoip)]
    assert read["endpoints"] == {"tokyo": {"url": "http://127.0.3.1:8403"}}
    assert read["health"]["probe_interval_s"] < 1


def test_children_do_not_inherit_settings_of_another_gateway():
    environment = {
        "PATH": "/bin",
        "UGRPY_SERVICE__WORKERS": "9",
        "HTTP_PROXY": "x",
        "no_proxy": "y",
    }
    assert clean_environment(environment) == {"PATH": "/bin"}


def test_wait_until_asks_at_least_once():
    assert wait_until(lambda: True, 0.0)
    assert not wait_until(lambda: False, 0.0)


def test_tail_of_a_log(tmp_path):
    log = tmp_path / "log"
    assert tail(log) == ""
    log.write_text("\n".join(str(number) for number in range(30)))
    assert tail(log, 2) == "28\n29"


def test_missing_extras_are_named():
    tour.check_extras()
    with pytest.raises(UgrError, match="uproot, wsgidav") as caught:
        tour.check_extras(lambda name: name not in {"uproot", "wsgidav"})
    assert "ugrpy[demo]" in caught.value.hint


def test_what_cannot_start_ends_with_2(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    assert tour.run_demo(once=True, keep=tmp_path) == 2
    output = capsys.readouterr().out
    assert "is not empty" in output
    assert "hint:" in output


def test_ctrl_c_during_the_tour_ends_with_130(monkeypatch, capsys):
    def interrupted(*_arguments: object, **_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("ugrpy.demo.guide.conduct", interrupted)
    assert tour.run_demo(once=True) == 130
    assert "everything is stopped" in capsys.readouterr().out
