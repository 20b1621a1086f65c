"""What do the old INI files of shoal's agent, server and client mean here (reference section 8, row S57)? And what is a ``wlcgwpad.conf``?

A known key becomes a setting of ours, or is known to have no use any more; any other is warned of with file and line, and passed over. The file of a WLCG service is none of these: it goes to ``wpad.rules_file``, where it is read
again and again.
"""

import configparser
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from ugrpy.core.errors import ConfigError

log = structlog.get_logger("shoalpy.ini")

Read = Callable[[str], Any]
# The name that WLCG services look for (reference section 10.1).
WLCG_CONF = "wlcgwpad.conf"


def _truth(text: str) -> bool:
    return configparser.ConfigParser.BOOLEAN_STATES[text.strip().lower()]


def _not_negative(text: str) -> float:
    return max(0.0, float(text))


_BROKER: dict[str, tuple[str, Read] | None] = {
    "rabbitmq.amqp_server_url": ("amqp.host", str),
    "rabbitmq.amqp_port": ("amqp.port", int),
    "rabbitmq.amqp_virtual_host": ("amqp.virtual_host", str),
    "rabbitmq.amqp_exchange": ("amqp.exchange", str),
    "rabbitmq.amqp_exchange_type": None,
    "rabbitmq.use_credentials": None,
    "rabbitmq.amqp_username": ("amqp.username", str),
    "rabbitmq.amqp_password": ("amqp.password", str),
    "rabbitmq.use_ssl": ("amqp.tls", _truth),
    "rabbitmq.amqp_ca_cert": ("amqp.ca_file", str),
    "rabbitmq.amqp_client_cert": ("amqp.cert_file", str),
    "rabbitmq.amqp_client_key": ("amqp.key_file", str),
    "logging.log_file": None,
    "logging.logging_level": None,
}
# key of theirs -> key of ours and what reads its value; None for what is known and has no use any more
_KEYS: dict[str, dict[str, tuple[str, Read] | None]] = {
    "agent": {
        **_BROKER,
        "general.interval": ("agent.interval_s", float),
        "general.cloud": None,
        "general.external_ip": ("agent.external_ip", str),
        "general.cache_port": ("agent.cache_port", int),
        "general.squid_port": ("agent.cache_port", int),
        "general.max_load": ("agent.max_load_kbps", _not_negative),
        "general.admin_email": ("mail.to", str),
    },
    "server": {
        **_BROKER,
        "general.shoal_dir": None,
        "general.geolitecity_path": None,
        "general.geolitecity_url": None,
        "general.geolitecity_update": None,
        "general.geodomain_path": None,
        "cache.cache_cleanse_interval": ("server.sweep_s", float),
        "cache.cache_inactive_time": ("registry.inactive_s", float),
        "cache.cache_verification": ("verification.enabled", _truth),
        "cache.cache_verify_interval": ("verification.interval_s", float),
        "cache.cache_verified_default": None,
        "cache.cache_max_load": ("ranking.max_load_kbps", float),
        "cache.cache_loadconstant": ("ranking.load_exponent", float),
        "cache.cache_distloadweight": ("ranking.distance_weight", float),
        "webpy.webpy_cache": None,
        "error.error_reconnect_time": None,
        "error.error_reconnect_attempts": None,
    },
    "client": {
        "general.cvmfs_url": ("client.cvmfs_url", str),
        "general.conditions_url": ("client.frontier_url", str),
        "general.default_cache_proxy": ("client.default_proxies", str),
        "general.default_squid_proxy": ("client.default_proxies", str),
        "general.shoal_server_url": ("client.cvmfs_url", str),
    },
}


@dataclass(slots=True)
class Translated:
    """Settings of ours, nested as in our files, and what was not understood, with its place."""

    tree: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def translate(text: str, kind: str, name: str) -> Translated:
    """The settings in an old file. ``kind`` is agent, server or client. Raises ``ConfigError`` with file and line."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text, source=name)
    except configparser.Error as error:
        raise ConfigError(str(error).replace("\n", " "), where=name) from None
    lines = _lines(text)
    found, known = Translated(), _KEYS[kind]
    for section in parser.sections():
        for key, value in parser.items(section):
            full = f"{section.lower()}.{key}"
            where = f"{name}:{lines.get(full, 0)}"
            if full not in known:
                found.warnings.append(f"{where}: unknown key {full}, passed over")
            elif (meant := known[full]) is not None:
                _put(found.tree, meant, value.strip(), where)
    if kind != "client":
        _see_to_login(found.tree, parser)
    return found


def read_settings(files: Sequence[Path], kind: str) -> tuple[list[Path], dict[str, Any]]:
    """The TOML files among these, and the settings of the INI files, which end in ``.conf`` or ``.ini``. Warnings are logged."""
    ours: list[Path] = []
    tree: dict[str, Any] = {}
    for file in files:
        if file.suffix not in (".conf", ".ini"):
            ours.append(file)
            continue
        if kind == "server" and file.name == WLCG_CONF:
            tree.setdefault("wpad", {})["rules_file"] = str(file)
            continue
        try:
            text = file.read_text("utf-8", "replace")
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(file)) from None
        found = translate(text, kind, str(file))
        for warning in found.warnings:
            log.warning("old configuration", problem=warning)
        for table, keys in found.tree.items():
            tree.setdefault(table, {}).update(keys)
    return ours, tree


def _put(tree: dict[str, Any], meant: tuple[str, Read], value: str, where: str) -> None:
    ours, read = meant
    table, _, key = ours.partition(".")
    try:
        tree.setdefault(table, {})[key] = read(value)
    except (ValueError, KeyError):
        raise ConfigError(f"{value!r} cannot be the value of {ours}", where=where) from None


def _see_to_login(tree: dict[str, Any], parser: configparser.ConfigParser) -> None:
    """Names, passwords and certificates in an old file count only where it says that they are used."""
    amqp = tree.get("amqp", {})
    switch = parser.get("rabbitmq", "use_credentials", fallback="false").strip().lower()
    if not parser.BOOLEAN_STATES.get(switch, False):
        amqp.pop("username", None)
        amqp.pop("password", None)
    if not amqp.get("tls"):
        for key in ("ca_file", "cert_file", "key_file"):
            amqp.pop(key, None)


def _lines(text: str) -> dict[str, int]:
    section, found = "", {}
    for number, line in enumerate(text.splitlines(), 1):
        if head := re.match(r"\[([^\]]+)\]", line):
            section = head[1].lower()
        elif key := re.match(r"([^\s#;=:][^=:]*?)\s*[=:]", line):
            found[f"{section}.{key[1].lower()}"] = number
    return found
