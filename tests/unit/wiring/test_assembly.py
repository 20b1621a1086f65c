"""From a configuration to a federation: all its parts, where the endpoints are, and what is closed when it cannot be."""

import asyncio
import gc
import warnings
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ugrpy.config import Configuration, load
from ugrpy.core.errors import ConfigError
from ugrpy.demo.geoip import write_geoip
from ugrpy.demo.sites import SITES
from ugrpy.health.states import State, Transition
from ugrpy.namespace.model import EndpointId
from ugrpy.wiring.assembly import Assembled, assemble, log_transition

# Assembling reads files and resolves names, so these tests are plain functions and run loops of their own.


def configured(folder: Path, text: str) -> Configuration:
    path = folder / "site.toml"
    path.write_text(text)
    return load([path], environ={})


def assembled(config: Configuration, look) -> None:
    async def run() -> None:
        made = await assemble(config)
        try:
            look(made)
        finally:
            await made.close()

    asyncio.run(run())


def test_every_endpoint_with_what_is_said_of_it(tmp_path):
    config = configured(
        tmp_path,
        '[endpoints.one]\nurl = "http://127.0.0.1:1/base"\nmounts = ["/atlas = /data"]\nabsence = "strict"\n'
        '[endpoints.two]\nurl = "davs://127.0.0.1:2"\nkind = "http"\nlistable = false\n'
        '[endpoints.three]\nurl = "http://memory.invalid"\nkind = "memory"\nreadable = false\n',
    )

    def look(made: Assembled) -> None:
        federation = made.federation
        assert [member.id for member in federation.members] == ["one", "two", "three"]
        one, two, three = federation.members
        assert (one.strict, one.listable, one.readable) == (True, True, True)
        assert (two.strict, two.listable, two.readable) == (False, False, True)
        assert (three.listable, three.readable) == (True, False)
        assert one.mounts.translate("/atlas/f") == "/data/f"
        assert one.endpoint.base_url == "http://127.0.0.1:1/base"
        assert two.endpoint.base_url == "https://127.0.0.1:2"
        assert federation.members.covering("/atlas/f") == {"one": "/data/f", "two": "/atlas/f"}
        assert all(federation.board.in_service(member.id) for member in federation.members)

    assembled(config, look)


def test_an_endpoint_with_health_settings_of_its_own(tmp_path):
    config = configured(
        tmp_path,
        "[health]\neject_after = 4\nreturn_after = 5\n"
        '[endpoints.one]\nurl = "http://127.0.0.1:1"\n[endpoints.two]\nurl = "http://127.0.0.1:2"\n'
        "[endpoints.two.health]\neject_after = 1\n",
    )

    def look(made: Assembled) -> None:
        board = made.federation.board
        policies = {name: board[name].policy for name in board}
        assert {name: one.eject_after for name, one in policies.items()} == {"one": 4, "two": 1}
        assert {one.return_after for one in policies.values()} == {5}

    assembled(config, look)


def test_places_come_from_the_configuration_or_from_the_database(tmp_path):
    database = tmp_path / "places.mmdb"
    write_geoip(database, SITES)
    west, east = SITES[0], SITES[1]
    config = configured(
        tmp_path,
        f'[locality]\ngeoip = ["{database}"]\n'
        f'[endpoints.found]\nurl = "http://{east.storage_address}:1"\n'
        f'[endpoints.told]\nurl = "http://{east.storage_address}:2"\n'
        f"location = [{west.latitude_deg}, {west.longitude_deg}]\n"
        '[endpoints.lost]\nurl = "http://name.invalid"\n',
    )

    def look(made: Assembled) -> None:
        federation = made.federation
        countries = {member.id: member.country for member in federation.members}
        assert countries == {
            "found": east.country.lower(),
            "told": east.country.lower(),
            "lost": None,
        }
        both = (EndpointId("found"), EndpointId("told"))
        for client, best in ((west, "told"), (east, "found")):
            zone = federation.ranker.zone_of(client.client_address)
            assert federation.ranker.order(zone, both, lambda: 0.5)[0] == best

    assembled(config, look)


def test_a_name_server_that_does_not_answer_delays_nothing_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr("ugrpy.wiring.assembly.RESOLVE_TIMEOUT_S", 0.01)

    async def never(_resolver, _host):
        await asyncio.Event().wait()

    monkeypatch.setattr("ugrpy.wiring.assembly.AsyncResolver.resolve", never)
    config = configured(tmp_path, '[endpoints.one]\nurl = "http://slow.example"\n')

    def look(made: Assembled) -> None:
        assert [member.country for member in made.federation.members] == [None]

    assembled(config, look)


def test_bare_listings_are_completed_where_that_is_wanted(tmp_path):
    config = configured(
        tmp_path,
        "[federation]\ndeadline_s = 8\n"
        '[endpoints.plain]\nurl = "http://127.0.0.1:1"\n'
        '[endpoints.bare]\nurl = "http://127.0.0.1:2"\nstat_children = true\nmax_connections = 9\n'
        '[endpoints.one]\nurl = "http://127.0.0.1:3"\nstat_children = true\nmax_connections = 1\n',
    )

    def look(made: Assembled) -> None:
        assert [repr(member.endpoint) for member in made.federation.members] == [
            "DavEndpoint(plain, http://127.0.0.1:1)",
            "CompletingEndpoint(DavEndpoint(bare, http://127.0.0.1:2), 4 at once)",
            "CompletingEndpoint(DavEndpoint(one, http://127.0.0.1:3), 1 at once)",
        ]

    assembled(config, look)


def test_when_one_cannot_be_made_the_others_are_closed(tmp_path):
    (tmp_path / "ca.pem").write_text("garbage")
    config = configured(
        tmp_path,
        '[endpoints.one]\nurl = "https://127.0.0.1:1"\n'
        '[endpoints.two]\nurl = "https://127.0.0.1:2"\nca_file = "ca.pem"\n',
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ConfigError, match=r"ca_file: cannot read .*ca\.pem"):
            asyncio.run(assemble(config))
        gc.collect()
    assert [str(one.message) for one in caught] == []


def test_a_database_that_is_none(tmp_path):
    (tmp_path / "x.mmdb").write_text("garbage")
    config = configured(
        tmp_path, '[locality]\ngeoip = ["x.mmdb"]\n[endpoints.one]\nurl = "http://127.0.0.1:1"\n'
    )
    with pytest.raises(ConfigError, match=r"x\.mmdb"):
        asyncio.run(assemble(config))


def test_a_change_of_state_is_told():
    change = Transition(
        EndpointId("one"), State.IN_SERVICE, State.EJECTED, 0.0, "3 failures in a row"
    )
    with capture_logs() as said:
        log_transition(change, "http://se.example/: connection refused")
    assert said == [
        {
            "event": "endpoint changed",
            "log_level": "warning",
            "endpoint": "one",
            "before": "in_service",
            "after": "ejected",
            "reason": "3 failures in a row",
            "trouble": "http://se.example/: connection refused",
        }
    ]
