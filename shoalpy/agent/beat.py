"""What is a heartbeat made of, and how does it get to the server? Posted and signed, or through the message broker (reference section 3)."""

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path

import aio_pika
from aiormq.exceptions import AMQPError

from shoalpy.intake.amqp import AmqpPolicy, credentials_of
from shoalpy.intake.https import PATH
from shoalpy.model import Address, Heartbeat
from shoalpy.signing import Key, parse_keys, sign
from ugrpy.core.clock import Clock
from ugrpy.core.errors import ConfigError, EndpointError, Failed, Unreachable
from ugrpy.locality import parse_address
from ugrpy.transport.client import Transport

_PRIVATE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
_EXTERNAL = re.compile(r"^external_ip=(\S+)\s*$", re.MULTILINE)
_TIMEOUT_S = 15.0


def is_private(address: Address) -> bool:
    """Whether it is good inside one network only."""
    return any(address.version == one.version and address in one for one in _PRIVATE)


def parse_echo(text: str) -> Address | None:
    """Our address as ``/fsad.conf`` says it; ``None`` for one that is of no use to others."""
    found = _EXTERNAL.search(text)
    address = parse_address(found[1]) if found else None
    if address is None or address.is_loopback or address.is_link_local or address.is_unspecified:
        return None
    return address


def render_heartbeat(beat: Heartbeat) -> bytes:
    """The JSON of section 3.1; the port is a number."""
    said: Mapping[str, object] = {
        "uuid": beat.key,
        "hostname": beat.hostname,
        "timestamp": beat.sent_at_s,
        "load": round(beat.load_kbps, 3),
        "cache_port": beat.port,
        "cache_type": beat.cache_type.value,
        "upstream": beat.upstream.value,
        "verified": True,
        "max_load": beat.max_load_kbps,
        "public_ip": _said(beat.public_ip),
        "private_ip": _said(beat.private_ip),
        "external_ip": _said(beat.external_ip),
    }
    return json.dumps({name: value for name, value in said.items() if value is not None}).encode()


def render_goodbye(key: str) -> bytes:
    """That this agent has ended (row S32)."""
    return json.dumps({"uuid": key, "goodbye": True}).encode()


def read_key(file: str) -> Key:
    """The first key of the file. Raises ``ConfigError``."""
    try:
        keys = parse_keys(Path(file).read_text(), where=file)
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", where="agent.key_file") from None
    if not keys:
        raise ConfigError("there is no key in it", where=file)
    return next(iter(keys.values()))


async def fetch_external(transport: Transport, server: str) -> Address | None:
    """Our address as the server sees it; ``None`` when it cannot say (row S54)."""
    with contextlib.suppress(EndpointError):
        async with transport.exchange("GET", f"{server}/fsad.conf") as reply:
            if reply.status == 200:
                return parse_echo((await reply.content.read(4096)).decode("utf-8", "replace"))
    return None


async def post(transport: Transport, server: str, key: Key, body: bytes, clock: Clock) -> None:
    """Send it, signed. Raises ``EndpointError`` when the server does not take it."""
    headers = sign(key, path=PATH, body=body, now_s=clock.wall(), nonce=secrets.token_hex(16)) | {
        "Content-Type": "application/json"
    }
    async with transport.exchange("POST", server + PATH, headers=headers, body=body) as reply:
        if reply.status != 200:
            why = (await reply.content.read(2048)).decode("utf-8", "replace")
            raise Failed(f"the server answered {reply.status}: {why!a}", endpoint=server)


async def publish(policy: AmqpPolicy, body: bytes) -> None:
    """Publish it as shoal's agents do, over a connection of its own. Raises ``EndpointError``, or ``ConfigError``."""
    password, context = await asyncio.to_thread(credentials_of, policy)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            connection = await aio_pika.connect(
                host=policy.host,
                port=policy.port or (5671 if policy.tls else 5672),
                login=policy.username,
                password=password,
                virtualhost=policy.virtual_host,
                ssl=policy.tls,
                ssl_context=context,
                timeout=policy.connect_timeout_s,
            )
            async with connection:
                channel = await connection.channel()  # confirms: a missing exchange is heard of
                exchange = await channel.get_exchange(policy.exchange, ensure=False)
                message = aio_pika.Message(body, content_type="application/json")
                await exchange.publish(message, routing_key="info", mandatory=False)
    except (AMQPError, OSError, EOFError, RuntimeError) as error:
        raise Unreachable(
            f"broker: {type(error).__name__} {error}", endpoint=policy.host
        ) from error


def _said(address: Address | None) -> str | None:
    return None if address is None else str(address)
