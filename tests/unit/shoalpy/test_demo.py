"""What surrounds the squid tour: its places, what it writes, and the exit codes that need no server."""

from pathlib import Path
from typing import cast

import pytest

from shoalpy.config import load
from shoalpy.demo import caches, tour
from shoalpy.demo.asking import Told
from shoalpy.demo.caches import OURS, Program, cache_child
from shoalpy.demo.geoip import write_geoip
from shoalpy.demo.origin import FILE, FILES, WHITELIST
from shoalpy.demo.sites import GENEVA, SITES, TOKYO, VICTORIA, Site, distance_km, nearest_first
from shoalpy.demo.stage import Stage, config_text
from shoalpy.demo.steps import STEPS
from shoalpy.targets import Answer, Ask, Outcome, judge
from ugrpy.locality import parse_address
from ugrpy.locality.geodb import GeoDatabase
from ugrpy.service.tour.conducting import attempt


def test_the_places_are_as_far_apart_as_on_any_map():
    assert distance_km(GENEVA, TOKYO) == pytest.approx(9_800, rel=0.01)
    assert distance_km(VICTORIA, TOKYO) == pytest.approx(7_600, rel=0.01)
    assert nearest_first(GENEVA) == ["geneva", "victoria", "tokyo"]
    assert nearest_first(TOKYO) == ["tokyo", "victoria", "geneva"]
    assert nearest_first(GENEVA, without=GENEVA) == ["victoria", "tokyo"]


def test_the_database_places_caches_and_vms(tmp_path):
    path = tmp_path / "places.mmdb"
    write_geoip(path, SITES)
    database = GeoDatabase((path,))
    for site in SITES:
        for text in (site.cache_address, site.vm_address):
            address = parse_address(text)
            assert address is not None
            position = database.place(address).position
            assert position is not None
            assert position.latitude_deg == pytest.approx(site.latitude_deg, abs=0.001)


def test_the_server_accepts_the_configuration(tmp_path):
    (tmp_path / "keys").touch()
    (tmp_path / "a.mmdb").touch()
    file = tmp_path / "shoalpy.toml"
    file.write_text(config_text("http://127.0.0.1:8010", 8100, tmp_path / "a.mmdb"))
    settings = load([file], environ={}).tables
    assert settings.verification.squid_cvmfs == (f"http://127.0.0.1:8010{WHITELIST}",)
    assert settings.wpad.by_address
    assert settings.registry.inactive_s == 5


def test_the_whitelist_is_one_to_verification_and_the_file_is_not():
    ask = Ask(f"http://127.0.0.1{WHITELIST}", "", label="demo")
    assert judge(ask, Answer(200, body=FILES[WHITELIST])) is Outcome.PASSED
    assert judge(ask, Answer(200, body=FILES[FILE])) is Outcome.WRONG


def test_root_runs_squid_as_a_user_of_its_own_or_not_at_all(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(caches, "_SQUID_USERS", ("no-such-user",))
    assert caches.find_program() == OURS
    monkeypatch.setattr(caches, "_SQUID_USERS", ("no-such-user", "root"))
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    assert caches.find_program() == OURS


def test_a_cache_gets_a_folder_with_all_that_it_needs(tmp_path):
    child = cache_child(GENEVA, tmp_path / "geneva", Program("squid 9", "/usr/sbin/squid"))
    assert list(child.command[:2]) == ["/usr/sbin/squid", "-N"]
    config = (tmp_path / "geneva" / "squid.conf").read_text()
    assert f"http_port 127.0.2.2:{child.port}\n" in config
    assert "cache_effective_user" not in config
    assert (tmp_path / "geneva" / "access.conf").read_text() == "http_access allow all\n"
    assert "shoalpy.demo.proxy" in cache_child(TOKYO, tmp_path / "tokyo", OURS).command


def test_vms_that_are_told_nothing_show_nothing(monkeypatch):
    """No claim may hold because there was nothing to look at."""
    monkeypatch.setattr("shoalpy.demo.steps.told", lambda *_: [])
    monkeypatch.setattr("shoalpy.demo.steps.told_by_v1", lambda *_: [])
    outcome = attempt(STEPS[1], cast(Stage, None))
    assert [check.held for check in outcome.checks] == [False] * 4


def test_wrong_kilometres_are_noticed(monkeypatch):
    def told(_stage: object, site: Site) -> list[Told]:
        names = nearest_first(site)
        return [Told(name, "127.0.0.1", 3128, 5_000.0) for name in names]

    monkeypatch.setattr("shoalpy.demo.steps.told", told)
    monkeypatch.setattr("shoalpy.demo.steps.told_by_v1", lambda *_: ["127.0.0.1"] * 3)
    outcome = attempt(STEPS[1], cast(Stage, None))
    assert [check.held for check in outcome.checks] == [True, True, False, True]


def test_missing_extras_and_a_full_folder_are_sentences(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr(tour, "NEEDED", ("no_such_module",))
    assert tour.run_demo(once=True) == 2
    assert "the tour needs no_such_module" in (said := capsys.readouterr().out)
    assert "ugrpy[demo,shoal]" in said
    monkeypatch.undo()
    (tmp_path / "file").touch()
    assert tour.run_demo(once=True, keep=tmp_path) == 2
    assert "is not empty" in capsys.readouterr().out
