"""The files of sites on the disk."""

import asyncio
import json
import os
from ipaddress import ip_address

import pytest
from structlog.testing import capture_logs

from shoalpy.pac import Route
from shoalpy.proxylist import Proxy
from shoalpy.ranking import CostPolicy
from shoalpy.registry import Registry
from shoalpy.wpad.directory import NoOffer, Offer
from shoalpy.wpad.files import SiteFiles, write_whole
from shoalpy.wpad.policy import HostSettings, WpadPolicy
from shoalpy.wpad.service import WpadService
from tests.unit.shoalpy.tracked import NOW, add, beat
from ugrpy.core.errors import ConfigError

CALLER = ip_address("192.0.2.100")
WORKERS = {"s.example": {"ips": {"s.example": ["192.0.2.7"]}, "names": ["SITE-A"]}}


def organisation_of(address):
    return {"192.0.2.7": "A", "198.51.100.7": "B", "192.0.2.1": "C"}.get(str(address))


def made(tmp_path, registry=None, **policy):
    settings = WpadPolicy(
        **(
            {
                "worker_proxies": str(tmp_path / "worker-proxies.json"),
                "shoal_squids": str(tmp_path / "shoal-squids.json"),
            }
            | policy
        )
    )
    service = WpadService(settings, CostPolicy())
    files = SiteFiles(
        settings,
        service,
        organisation_of=organisation_of,
        caches=lambda: () if registry is None else registry.live(NOW),
    )
    return service, files


def replace(path, text):
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


async def test_files_are_read_again_when_they_are_others_and_bad_ones_change_nothing(tmp_path):
    workers, squids = tmp_path / "worker-proxies.json", tmp_path / "shoal-squids.json"
    service, files = made(tmp_path)
    await files.refresh()  # there is none yet
    assert service.directory.find(CALLER, ["A"]) == NoOffer(
        "no squid found matching the remote ip address"
    )

    workers.write_text(json.dumps(WORKERS))
    squids.write_text(json.dumps({"vm": {"public_ip": "198.51.100.7"}}))
    await files.refresh()
    at_a = Offer(Route(((Proxy("s.example", 3128),),)), {}, "For SITE-A")
    at_b = Offer(Route(((Proxy("198.51.100.7", 3128),),)), {})
    assert service.directory.find(CALLER, ["A"]) == at_a
    assert service.directory.find(CALLER, ["B"]) == at_b

    for bad in ("{", "[]", "\udcff"):
        replace(workers, "")
        workers.write_bytes(bad.encode("utf-8", "surrogateescape"))
        await files.refresh()
        assert service.directory.find(CALLER, ["A"]) == at_a
    workers.unlink()
    replace(
        squids,
        json.dumps({"bad": 7, "vm": {"public_ip": "198.51.100.7", "private_ip": "10.0.0.1"}}),
    )
    await files.refresh()
    assert service.directory.find(CALLER, ["A"]) == at_a
    assert service.directory.find(CALLER, ["B"]) == Offer(Route(((Proxy("10.0.0.1", 3128),),)), {})
    assert "1 sites, 1 squids" in repr(files)


async def test_tracked_caches_count_and_both_files_are_written(tmp_path):
    (tmp_path / "worker-proxies.json").write_text(json.dumps(WORKERS))
    out_workers, out_squids = tmp_path / "out" / "w.json", tmp_path / "out" / "s.json"
    out_workers.parent.mkdir()
    registry = Registry()
    add(registry, beat("one", public="192.0.2.1"))
    service, files = made(
        tmp_path,
        registry,
        shoal_squids="",
        export_worker_proxies=str(out_workers),
        export_shoal_squids=str(out_squids),
    )
    await files.refresh()
    found = service.directory.find(CALLER, ["C"])
    assert found == Offer(Route(((Proxy("192.0.2.1", 3128),),)), {}, "For CH")
    assert json.loads(out_squids.read_text()) == {
        "one.example.org": {"public_ip": "192.0.2.1", "country_code": "CH"}
    }
    assert json.loads(out_workers.read_text())["s.example"]["names"] == ["SITE-A"]
    assert out_workers.stat().st_mode & 0o777 == 0o644
    # another server reads what this one wrote
    other, others = made(tmp_path, worker_proxies=str(out_workers), shoal_squids=str(out_squids))
    await others.refresh()
    assert other.directory.find(CALLER, ["C"]) == found


async def test_it_goes_on_when_nothing_can_be_written(tmp_path):
    service, files = made(tmp_path, export_shoal_squids=str(tmp_path / "no" / "such" / "s.json"))
    (tmp_path / "worker-proxies.json").write_text(json.dumps(WORKERS))
    await files.refresh()
    assert isinstance(service.directory.find(CALLER, ["A"]), Offer)


async def test_it_reads_every_few_seconds(tmp_path):
    workers = tmp_path / "worker-proxies.json"
    service, files = made(tmp_path, reload_s=0.01)
    task = asyncio.create_task(files.run())
    try:
        async with asyncio.timeout(30):
            for name in ("SITE-A", "SITE-B"):
                said = {"s.example": WORKERS["s.example"] | {"names": [name]}}
                replace(workers, json.dumps(said))
                while (
                    getattr(service.directory.find(CALLER, ["A"]), "comment", "") != f"For {name}"
                ):
                    await asyncio.sleep(0.01)
    finally:
        task.cancel()


def test_a_file_is_replaced_whole_and_left_alone_when_it_is_the_same(tmp_path):
    path = tmp_path / "f.json"
    write_whole(path, "one")
    first = path.stat().st_ino
    write_whole(path, "one")
    assert path.stat().st_ino == first
    write_whole(path, "two")
    assert path.stat().st_ino != first
    assert path.read_text() == "two"
    assert os.listdir(tmp_path) == ["f.json"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    (tmp_path / "f.json").mkdir()
    with pytest.raises(OSError, match=r"f\.json"):
        write_whole(tmp_path / "f.json", "one")
    assert os.listdir(tmp_path) == ["f.json"]


async def test_the_operators_rules_are_read_again_and_bad_ones_change_nothing(tmp_path):
    file = tmp_path / "wlcgwpad.conf"
    file.write_text("hostproxies h=a.example\nfsadconf site=A\n")
    service, files = made(tmp_path, rules_file=str(file))
    await files.begin()
    assert service.rules.hosts["h"].proxies == (Proxy("a.example", 3128),)
    assert service.rules.fsad == {"site": "A"}

    replace(file, "hostproxies h=OVERLOAD=nothing;1;2;3\n")
    with capture_logs() as logged:
        await files.refresh()
    assert service.rules.hosts["h"].proxies == (Proxy("a.example", 3128),)
    assert any("no destination is named 'nothing'" in one.get("why", "") for one in logged)

    replace(file, "hostproxies h=b.example\nnonsense\n")
    with capture_logs() as logged:
        await files.refresh()
    assert service.rules.hosts["h"].proxies == (Proxy("b.example", 3128),)
    assert service.rules.fsad == {}
    assert "line 2: expected: option name=list" in logged[0]["problem"]


@pytest.mark.parametrize("text", [None, "hostproxies h=nothing=DIRECT\n", b"\xff"])
async def test_without_the_operators_rules_nothing_is_answered(tmp_path, text):
    file = tmp_path / "wlcgwpad.conf"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    _, files = made(tmp_path, rules_file=str(file))
    with pytest.raises(ConfigError, match=r"wpad.rules_file.*wlcgwpad\.conf"):
        await files.begin()


async def test_settings_may_name_what_only_the_file_says(tmp_path):
    file = tmp_path / "wlcgwpad.conf"
    file.write_text("destshexps cvmfs=*/cvmfs/*\n")
    own = HostSettings(name="h", proxies=("cvmfs=DIRECT", "a.example"))
    service, files = made(tmp_path, rules_file=str(file), hosts=(own,))
    await files.begin()
    assert service.rules.hosts["h"].direct_destinations == {"cvmfs"}
