"""The folder the tour works in, and the configuration it leaves there for the gateway."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ugrpy.core.errors import UgrError
from ugrpy.demo.sites import GATEWAY_ADDRESS


@contextmanager
def folder_for(keep: Path | None) -> Iterator[Path]:
    """A folder to work in: a temporary one that is removed, or ``keep``, which must be empty or new and stays.

    Raises ``UgrError`` when ``keep`` cannot be used.
    """
    if keep is None:
        folder = Path(tempfile.mkdtemp(prefix="ugrpy-demo-"))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        occupied = any(keep.iterdir())
    except OSError as error:
        raise UgrError(f"cannot use {keep}: {error.strerror}") from error
    if occupied:
        raise UgrError(f"{keep} is not empty", hint="name a folder that is empty or does not exist")
    yield keep.resolve()


def config_text(storage_urls: dict[str, str], gateway_port: int, geoip: Path) -> str:
    """The gateway's configuration: short probe intervals, because a viewer does not wait for ten seconds.

    JSON strings are valid TOML basic strings.
    """
    lines = [
        "# written by `ugrpy demo`",
        "[service]",
        f'listen = ["{GATEWAY_ADDRESS}:{gateway_port}"]',
        'admin = ""',
        'access_log = ""',
        f'trusted_proxies = ["{GATEWAY_ADDRESS}/32"]  # so curl can play a client anywhere with X-Forwarded-For',
        "",
        "[cache]",
        "listing_ttl_s = 2.0",
        "",
        "[health]",
        "probe_interval_s = 0.5",
        "eject_after = 2",
        "return_after = 2",
        "",
        "[locality]",
        f"geoip = [{json.dumps(str(geoip))}]",
    ]
    for name, url in storage_urls.items():
        lines += ["", f"[endpoints.{name}]", f"url = {json.dumps(url)}"]
    return "\n".join(lines) + "\n"
