"""Questions about past decisions, as they are written."""

from ipaddress import ip_network

import pytest

from ugrpy.core.errors import BadRequest
from ugrpy.recording.asking import parse_query, parse_statuses, parse_time
from ugrpy.recording.reading import Query, overlaps, status_fits

NOW_S = 1_000_000.0


@pytest.mark.parametrize(
    ("said", "query"),
    [
        ({}, Query()),
        ({"path": "/a//b"}, Query(path="/a/b")),
        ({"path": "a/b/"}, Query(path="/a/b", below=True)),
        ({"path": "/"}, Query(below=True)),
        ({"client": "10.1.2.3"}, Query(client=ip_network("10.1.2.3"))),
        ({"client": "2001:db8::/32"}, Query(client=ip_network("2001:db8::/32"))),
        ({"since": "2h", "until": "1.5m"}, Query(since_s=NOW_S - 7200, until_s=NOW_S - 90)),
        ({"status": "4xx, 503"}, Query(statuses=(4, 503))),
        ({"endpoint": "uvic", "id": "3f-1"}, Query(endpoint="uvic", id="3f-1")),
        ({"path": "", "client": None, "since": ""}, Query()),
    ],
)
def test_a_question_is_read(said, query):
    assert parse_query(said, NOW_S) == query


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("1d", NOW_S - 86_400),
        ("3w", NOW_S - 3 * 604_800),
        ("1970-01-02", 86_400.0),
        ("1970-01-01T00:01", 60.0),
        ("1970-01-01T01:00:00.5+01:00", 0.5),
        ("12.5", 12.5),
    ],
)
def test_times_are_read(text, at_s):
    assert parse_time(text, NOW_S) == at_s


@pytest.mark.parametrize(
    "said", [{"since": "yesterday"}, {"status": "6xx"}, {"status": "40"}, {"client": "uvic"}]
)
def test_what_is_not_understood_is_refused_with_what_was_expected(said):
    with pytest.raises(BadRequest):
        parse_query(said, NOW_S)


def test_statuses_are_whole_or_classes():
    wanted = parse_statuses("3xx,404")
    assert [status for status in (200, 302, 307, 404, 403) if status_fits(status, wanted)] == [
        302,
        307,
        404,
    ]


@pytest.mark.parametrize(
    ("client", "network", "fits"),
    [
        ("10.1.2.3", "10.1.0.0/16", True),
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.2.0.0/16", "10.1.2.3", False),
        ("::1", "0.0.0.0/0", False),
        ("-", "0.0.0.0/0", False),
    ],
)
def test_a_client_is_in_a_network_as_far_as_is_known(client, network, fits):
    assert overlaps(client, ip_network(network)) is fits
