"""One gateway process: which connection class it takes, and what it closes when it cannot start."""

import gc
import socket
import sys
import types
import warnings
from pathlib import Path

import pytest

from ugrpy.config import Configuration, load
from ugrpy.core.errors import ConfigError
from ugrpy.service.protocol import GatewayProtocol
from ugrpy.wiring.worker import run_worker


class Mine(GatewayProtocol):
    """A connection class to be found by name."""

    __slots__ = ()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    module = types.ModuleType("somebody_elses")
    module.Mine = Mine  # type: ignore[attr-defined]
    module.NoProtocol = int  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebody_elses", module)


def configured(folder: Path, service: str) -> Configuration:
    path = folder / "site.toml"
    path.write_text(
        f'[service]\nadmin = ""\n{service}\n[endpoints.one]\nurl = "http://127.0.0.1:1"\n'
        '[endpoints.two]\nurl = "http://127.0.0.1:2"\n'
    )
    return load([path], environ={})


def fails_quietly(config: Configuration, said: str, **options: str) -> None:
    """Starting raises, and nothing is left open."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ConfigError, match=said):
            run_worker(config, **options)  # type: ignore[arg-type]
        gc.collect()
    assert [str(one.message) for one in caught] == []


@pytest.mark.functional
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_port_in_use_leaves_nothing_open(tmp_path, loop):
    with socket.socket() as rival:
        rival.bind(("127.0.0.1", 0))
        rival.listen()
        port = rival.getsockname()[1]
        config = configured(
            tmp_path, f'access_log = "{tmp_path}/log"\nlisten = ["127.0.0.1:0", "127.0.0.1:{port}"]'
        )
        fails_quietly(
            config, f"cannot listen on 127.0.0.1:{port}: Address already in use", loop=loop
        )


def test_a_log_that_cannot_be_opened_leaves_nothing_open(tmp_path):
    config = configured(tmp_path, f'access_log = "{tmp_path}"\nlisten = ["127.0.0.1:0"]')
    fails_quietly(config, "service.access_log: cannot open")


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ("no.such.module:Class", "--protocol: cannot load no.such.module:Class: No module named"),
        ("somebody_elses:Nothing", "--protocol: cannot load somebody_elses:Nothing: "),
        ("somebody_elses", "--protocol: cannot load somebody_elses: "),
        (":", "--protocol: cannot load :: "),
        (
            "somebody_elses:NoProtocol",
            "--protocol: somebody_elses:NoProtocol is no GatewayProtocol",
        ),
    ],
)
def test_a_connection_class_that_cannot_be(tmp_path, protocol, said):
    fails_quietly(configured(tmp_path, ""), said, protocol=protocol)
