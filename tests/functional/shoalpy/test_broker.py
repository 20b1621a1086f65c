"""Heartbeats through a real RabbitMQ into the real server: as shoal's agents send them, hostile ones, and a broker that goes away."""

import asyncio
import re
import socket
import ssl
import time
from pathlib import Path

import aio_pika
import pytest
import trustme
from aiormq.exceptions import AMQPError, ChannelNotFoundEntity, ChannelPreconditionFailed

from tests.functional.shoalpy.publishing import beats, config, publish, until
from tests.functional.shoalpy.shoal import GENEVA, Shoal, heartbeat
from tests.peers.rabbitmq import PASSWORD, USER, VIRTUAL_HOST
from tests.unit.shoalpy.hostile import HOSTILE, ODD_CAPACITIES

pytestmark = pytest.mark.functional

EVERY_ENDPOINT = (
    *("/nearest", "/nearest/9", "/nearestverified", "/nearestcvmfs", "/nearestconditions", "/all"),
    *("/wpad.dat", "/fsad.conf", "/external", "/", "/0", "/v2/caches", "/v2/nearest", "/v2/stats"),
    *("/api/v1.0/geo/x/192.0.2.1,198.51.100.1", "/cvmfs/r/api/v1.0/geo/x/192.0.2.1"),
    *("/openapi.json", "/docs", "/livez", "/readyz", "/healthz"),
)


@pytest.fixture(scope="module")
def server(start_shoal, rabbitmq):
    """A server that takes heartbeats from the broker."""
    # so few on the way at a time that messages left without an acknowledgement would soon be the last
    shoal = start_shoal(config(rabbitmq, "prefetch = 5\n"))
    until(lambda: shoal.ask("/healthz").status == 200, what="the broker is connected")
    return shoal


def keys(shoal: Shoal) -> set[str]:
    """Which caches of those tests it tracks."""
    return set(shoal.hosts("/all"))


async def _channel(broker):
    connection = await aio_pika.connect(host=broker.address, port=broker.port)
    return connection, await connection.channel()


@pytest.mark.row("S21")
async def test_the_exchange_is_declared_as_agents_expect_it_and_the_queue_goes_with_the_server(
    rabbitmq, start_shoal
):
    shoal = start_shoal(config(rabbitmq, 'exchange = "other"\n'))
    until(lambda: shoal.ask("/healthz").status == 200)
    connection, channel = await _channel(rabbitmq)
    async with connection:
        # the same declaration is accepted, another is not: so it is this one
        exchange = await channel.declare_exchange("other", "topic", durable=False)
        await exchange.publish(
            aio_pika.Message(beats(heartbeat("any-key"))[0]), routing_key="some.other.key"
        )
        until(lambda: "any-key" in keys(shoal))
        with pytest.raises(ChannelPreconditionFailed):
            await channel.declare_exchange("other", "topic", durable=True)

        [name] = re.findall(rf"{re.escape(socket.gethostname())}-[0-9a-f]{{32}}", shoal.process.log_text())  # fmt: skip
        channel = await connection.channel()
        queue = await channel.declare_queue(name, durable=False, auto_delete=True)
        assert queue.declaration_result.consumer_count == 1
        with pytest.raises(ChannelPreconditionFailed):
            await channel.declare_queue(name, durable=False, auto_delete=False)
        shoal.process.stop()
        channel = await connection.channel()
        with pytest.raises(ChannelNotFoundEntity):
            await channel.declare_queue(name, passive=True)


@pytest.mark.row("S21")
async def test_an_exchange_that_somebody_made_durable_does_as_well(rabbitmq, start_shoal):
    connection, channel = await _channel(rabbitmq)
    async with connection:
        exchange = await channel.declare_exchange("kept", "topic", durable=True)
        shoal = start_shoal(config(rabbitmq, 'exchange = "kept"\nrecheck_s = 0.2\n'))
        until(lambda: shoal.ask("/healthz").status == 200)

        await exchange.publish(aio_pika.Message(beats(heartbeat("d"))[0]), routing_key="info")

        until(lambda: "d" in keys(shoal))
        # the second beat comes after several looks at whether all is there still
        await asyncio.sleep(1.0)
        await exchange.publish(aio_pika.Message(beats(heartbeat("e"))[0]), routing_key="info")
        until(lambda: "e" in keys(shoal))
        assert shoal.process.log_text().count("broker connected") == 1


async def test_an_exchange_that_vanishes_is_declared_again(rabbitmq, start_shoal):
    connection, channel = await _channel(rabbitmq)
    async with connection:
        shoal = start_shoal(config(rabbitmq, 'exchange = "gone"\nrecheck_s = 0.2\n'))
        until(lambda: shoal.ask("/healthz").status == 200)

        await channel.exchange_delete("gone")
        await asyncio.sleep(1.0)

        exchange = await channel.get_exchange("gone")
        await exchange.publish(aio_pika.Message(beats(heartbeat("g"))[0]), routing_key="info")
        until(lambda: "g" in keys(shoal))


@pytest.mark.row("S26")
@pytest.mark.row("S27")
def test_hostile_heartbeats_are_counted_by_reason_and_harm_nobody(server, rabbitmq):
    publish(rabbitmq, beats(heartbeat("good")))
    until(lambda: "good" in keys(server))
    assert len(HOSTILE) >= 30

    publish(rabbitmq, [body for body, _reason in HOSTILE.values()])
    odd = {f"odd{number}": load for number, load in enumerate(ODD_CAPACITIES)}
    publish(
        rabbitmq,
        beats(
            *(
                heartbeat(key, max_load=load, hostname=f"{key}.example.org")
                for key, load in odd.items()
            )
        ),
    )
    publish(rabbitmq, beats(heartbeat("after")))
    until(lambda: "after" in keys(server), what="what came after them was taken")

    # all stand at one address and port, under names of their own
    assert keys(server) == {"good", "after", *odd}
    assert {one["max_load"] for one in server.entries("/all")} == {122000}
    expected: dict[str, int] = {}
    for _body, reason in HOSTILE.values():
        expected[reason] = expected.get(reason, 0) + 1
    series = 'shoalpy_heartbeats_dropped_total{{reason="{}",transport="amqp"}}'
    assert {reason: server.metric(series.format(reason)) for reason in expected} == expected
    for path in EVERY_ENDPOINT:
        assert server.ask(path, source=GENEVA).status == 200, path
    assert _children(server) == ("", "0")


def _children(shoal: Shoal) -> tuple[str, str]:
    """The processes it has started and has not waited for, and the page faults of those that it has waited for."""
    assert shoal.process._process is not None
    pid = shoal.process._process.pid
    tasks = Path(f"/proc/{pid}/task").iterdir()
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return "".join((task / "children").read_text() for task in tasks), after_name[8]


@pytest.mark.row("S32")
def test_a_goodbye_removes_the_cache_within_two_seconds(server, rabbitmq):
    publish(rabbitmq, beats(heartbeat("leaves")))
    until(lambda: "leaves" in keys(server))

    publish(rabbitmq, beats({"uuid": "leaves", "goodbye": True}))

    until(lambda: "leaves" not in keys(server), limit_s=2)


@pytest.mark.row("S31")
def test_an_agent_that_starts_anew_takes_its_own_place(server, rabbitmq):
    at = {"hostname": "again.example.org", "public_ip": "192.0.2.77"}
    publish(rabbitmq, beats(heartbeat("first-life", **at)))
    until(lambda: "again" in keys(server))

    publish(rabbitmq, beats(heartbeat("second-life", **at), heartbeat("marker")))
    until(lambda: "marker" in keys(server))

    assert server.hosts("/all").count("again") == 1


@pytest.mark.row("S33")
def test_nobody_speaks_for_a_cache_that_a_key_has_registered(server, rabbitmq):
    assert server.beat("owned", load=1.0).status == 200

    publish(
        rabbitmq,
        beats(
            heartbeat("owned", load=9e5, public_ip="198.51.100.9"),
            {"uuid": "owned", "goodbye": True},
            heartbeat("then"),
        ),
    )
    until(lambda: "then" in keys(server))

    [cache] = [one for one in server.entries("/all") if one["hostname"].startswith("owned.")]
    assert (cache["load"], cache["public_ip"]) == (1.0, "192.0.2.1")
    refused = 'shoalpy_heartbeats_dropped_total{reason="not_the_owner",transport="amqp"}'
    assert server.metric(refused) == 2


@pytest.mark.row("S22")
def test_virtual_host_and_credentials_are_used(rabbitmq, start_shoal, tmp_path):
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    more = f'virtual_host = "{VIRTUAL_HOST}"\nusername = "{USER}"\npassword_file = "{secret}"\n'
    shoal = start_shoal(config(rabbitmq, more))

    until(lambda: shoal.ask("/healthz").status == 200)
    publish(rabbitmq, beats(heartbeat("v")), login=(USER, PASSWORD, VIRTUAL_HOST))

    until(lambda: "v" in keys(shoal))


@pytest.mark.row("S22")
def test_a_wrong_password_is_no_link(rabbitmq, start_shoal):
    shoal = start_shoal(
        config(rabbitmq, f'virtual_host = "{VIRTUAL_HOST}"\nusername = "{USER}"\npassword = "no"\n')
    )
    until(lambda: "ACCESS_REFUSED" in shoal.process.log_text())
    assert shoal.ask("/healthz").status == 503


@pytest.mark.row("S23")
def test_tls_with_a_client_certificate(rabbitmq, start_shoal, tmp_path):
    files = _client_files(rabbitmq.authority, tmp_path)
    shoal = start_shoal(_tls(rabbitmq, rabbitmq.ca_file, files))
    until(lambda: shoal.ask("/healthz").status == 200)

    context = ssl.create_default_context(cafile=str(rabbitmq.ca_file))
    rabbitmq.authority.issue_cert("agent").configure_cert(context)
    publish(rabbitmq, beats(heartbeat("over-tls")), context=context)

    until(lambda: "over-tls" in keys(shoal))


@pytest.mark.row("S23")
def test_a_broker_of_another_authority_is_refused(rabbitmq, start_shoal, tmp_path):
    stranger = trustme.CA()
    stranger.cert_pem.write_to_path(tmp_path / "ca.pem")
    files = _client_files(rabbitmq.authority, tmp_path)
    shoal = start_shoal(_tls(rabbitmq, tmp_path / "ca.pem", files))

    until(lambda: "CERTIFICATE_VERIFY_FAILED" in shoal.process.log_text())
    assert shoal.ask("/healthz").status == 503


def _client_files(authority, folder):
    certificate = authority.issue_cert("shoalpy")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    return folder / "cert.pem", folder / "key.pem"


def _tls(broker, ca_file, files):
    return (
        f'[amqp]\nhost = "{broker.address}"\nport = {broker.tls_port}\ntls = true\n'
        f'ca_file = "{ca_file}"\ncert_file = "{files[0]}"\nkey_file = "{files[1]}"\n'
    )


@pytest.mark.row("S76")
def test_two_servers_on_one_broker_answer_the_same_and_a_restart_answers_at_once(
    rabbitmq, start_shoal, tmp_path
):
    kept = f'exchange = "shared"\n[store]\nfile = "{tmp_path / "table.json"}"\ninterval_s = 0.1\n'
    first = start_shoal(config(rabbitmq, kept))
    second = start_shoal(config(rabbitmq, 'exchange = "shared"\n'))
    for shoal in (first, second):
        until(lambda: shoal.ask("/healthz").status == 200)  # noqa: B023 - called at once
    said = beats(*(heartbeat(f"c{n}", load=1000.0 * n, public_ip=f"192.0.2.{n + 1}") for n in range(9)))  # fmt: skip
    publish_to(rabbitmq, "shared", said)
    for shoal in (first, second):
        until(lambda: len(keys(shoal)) == 9)  # noqa: B023

    answers = [_untimed(shoal, path) for path in ("/nearest/9", "/all") for shoal in (first, second)]  # fmt: skip
    assert answers[0] == answers[1]
    assert answers[2] == answers[3]
    assert len(answers[0]) == 9

    first.process.stop()
    rabbitmq.stop()  # so that nothing but the file can tell it
    first.process.start()
    assert _untimed(first, "/nearest/9") == answers[0]
    first.process.signal(9)  # a crash is no worse
    first.process.stop()
    first.process.start()
    assert _untimed(first, "/nearest/9") == answers[0]
    rabbitmq.start()


def publish_to(broker, exchange, bodies):
    """Publish to an exchange of another name."""

    async def send():
        connection, channel = await _channel(broker)
        async with connection:
            target = await channel.get_exchange(exchange, ensure=False)
            for body in bodies:
                await target.publish(aio_pika.Message(body), routing_key="info")

    asyncio.run(send())


def _untimed(shoal, path):
    return [
        {name: value for name, value in one.items() if name not in ("created", "last_active")}
        for one in shoal.entries(path, source=GENEVA)
    ]


@pytest.mark.row("S24")
def test_a_broker_that_is_away_for_ten_seconds_is_found_again(server, rabbitmq):
    rabbitmq.stop()
    until(lambda: server.ask("/healthz").status == 503, what="health tells that the link is down")
    assert server.ask("/nearest").status == 200
    time.sleep(10)  # what the row is about
    rabbitmq.start()
    began_s = time.monotonic()

    def flows():
        try:
            publish(rabbitmq, beats(heartbeat("back")))  # fails while there is no exchange
        except AMQPError:
            return False
        return "back" in keys(server)

    until(flows, limit_s=15)
    assert time.monotonic() - began_s < 15
    assert server.ask("/healthz").status == 200
