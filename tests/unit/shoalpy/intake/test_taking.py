"""Bytes in, a change of the table or a counted reason out."""

import json
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shoalpy import telemetry
from shoalpy.intake.counts import Counts, Transport
from shoalpy.intake.taking import Goodbye, Intake
from shoalpy.model import Cache
from shoalpy.registry import Registry
from shoalpy.wire import BadBeat, Reason
from tests.unit.shoalpy.hostile import HOSTILE
from ugrpy.core.clock import SystemClock
from ugrpy.locality.facts import UNKNOWN_FACTS, GeoFacts
from ugrpy.service.metrics import PrometheusMeter
from ugrpy.testing import FakeClock

NOW = 1_795_365_733.0


def an_intake(facts=UNKNOWN_FACTS, clock=None, meter=None):
    asked = []

    def facts_of(address):
        asked.append(str(address))
        return facts

    intake = Intake(Registry(), facts_of, Counts(meter), clock or FakeClock(wall_s=NOW))
    return intake, asked


def body(**said):
    beat = {"uuid": "a", "hostname": "a.example", "timestamp": NOW, "load": 1, "squid_port": 3128, "public_ip": "192.0.2.1"}  # fmt: skip
    return json.dumps({**beat, **said}).encode()


def test_a_heartbeat_becomes_a_cache_at_its_place():
    facts = GeoFacts(city="Victoria")
    intake, asked = an_intake(facts)

    cache = intake.take(body(), "uvic", transport=Transport.HTTPS)

    assert isinstance(cache, Cache)
    assert (cache.key, cache.facts, cache.beat.signer, cache.last_active_s) == ("a", facts, "uvic", NOW)  # fmt: skip
    assert list(intake.registry.live(NOW)) == [cache]
    assert asked == ["192.0.2.1"]
    assert intake.counts.total_taken() == 1


def test_a_cache_is_where_the_world_reaches_it_or_else_where_it_says():
    intake, asked = an_intake()
    intake.take(body(public_ip=None, private_ip="10.0.0.1", external_ip="192.0.2.9"), transport=Transport.AMQP)  # fmt: skip
    intake.take(body(uuid="b", public_ip=None, private_ip="10.0.0.2"), transport=Transport.AMQP)

    assert asked == ["192.0.2.9", "10.0.0.2"]


def test_a_goodbye_counts_and_says_whether_anybody_left():
    intake, _asked = an_intake()
    intake.take(body(), transport=Transport.AMQP)
    goodbye = b'{"uuid": "a", "goodbye": true}'

    assert intake.take(goodbye, transport=Transport.AMQP) == Goodbye("a", was_there=True)
    assert intake.take(goodbye, transport=Transport.AMQP) == Goodbye("a", was_there=False)
    assert list(intake.registry.live(NOW)) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_heartbeat_changes_nothing_but_a_count(name):
    content, reason = HOSTILE[name]
    intake, _asked = an_intake(clock=SystemClock())
    version = intake.registry.version

    with pytest.raises(BadBeat) as caught:
        intake.take(content, transport=Transport.AMQP)

    assert caught.value.reason is reason
    assert intake.counts.by_reason() == {reason: 1}
    assert (intake.registry.version, intake.counts.total_taken()) == (version, 0)
    assert len(str(caught.value)) < 300


def test_no_heartbeat_starts_a_process_or_touches_files_or_network():
    intake, _asked = an_intake(clock=SystemClock())
    seen = []
    watching = True

    def watch(event, _arguments):
        if watching and event.startswith(("subprocess.", "os.", "socket.", "open", "exec", "pty.")):
            seen.append(event)

    sys.addaudithook(watch)
    try:
        for content, _reason in HOSTILE.values():
            with pytest.raises(BadBeat):
                intake.take(content, transport=Transport.AMQP)
    finally:
        watching = False  # a hook cannot be taken back

    assert seen == []


def test_numbers_reach_the_metrics_by_transport_and_reason():
    meter = PrometheusMeter(telemetry.METRICS)
    intake, _asked = an_intake(meter=meter)
    for transport in Transport:
        intake.take(body(), transport=transport)
        for _ in range(2):
            with pytest.raises(BadBeat):
                intake.take(b"[]", transport=transport)

    _type, page = meter.render("text/plain")
    families = text_string_to_metric_families(page.decode())
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
        if sample.name.startswith("shoalpy_heartbeats") and sample.name.endswith("_total")
    }
    assert {key: value for key, value in found.items() if value} == {
        ("shoalpy_heartbeats_total", "amqp"): 1,
        ("shoalpy_heartbeats_total", "https"): 1,
        ("shoalpy_heartbeats_dropped_total", "amqp", "not_an_object"): 2,
        ("shoalpy_heartbeats_dropped_total", "https", "not_an_object"): 2,
    }
    assert intake.counts.by_reason() == {Reason.NOT_AN_OBJECT: 4}
