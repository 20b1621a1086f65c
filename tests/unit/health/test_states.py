"""The table of states and the phrases for durations."""

import pytest

from ugrpy.core.durations import phrase_duration
from ugrpy.endpoints.base import Probe
from ugrpy.health.states import (
    IN_SERVICE_STATES,
    TABLE,
    NoAnswer,
    ProbeReport,
    State,
)


def test_the_table_leaves_the_operators_states_alone():
    hidden = {State.DRAINED, State.DISABLED, State.DOWNTIME}
    assert not hidden & {before for before, _ in TABLE}
    assert not hidden & set(TABLE.values())


def test_every_way_out_leads_back():
    out = set(TABLE.values()) - IN_SERVICE_STATES
    back = {before for (before, _), after in TABLE.items() if after in IN_SERVICE_STATES}
    assert out == {State.EJECTED, State.TRIAL}
    assert out <= back


def test_the_endpoints_probe_has_the_shape_that_health_reads():
    reports: list[ProbeReport] = [Probe(alive=True, latency_s=0.1), NoAnswer(1.0, "silent")]
    assert [report.alive for report in reports] == [True, False]


@pytest.mark.parametrize(
    ("seconds", "phrase"),
    [
        (-3.0, "0 s"),
        (0.9, "0 s"),
        (12.0, "12 s"),
        (119.9, "119 s"),
        (120.0, "2 min"),
        (7199.0, "119 min"),
        (7200.0, "2 h"),
        (2 * 86400 - 1, "47 h"),
        (3 * 86400 + 5, "3 d"),
    ],
)
def test_durations_as_people_say_them(seconds, phrase):
    assert phrase_duration(seconds) == phrase
