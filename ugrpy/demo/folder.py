"""The configuration that the tour leaves in its folder for the gateway."""

import json
from pathlib import Path

from ugrpy.demo.sites import GATEWAY_ADDRESS


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
