"""How the headers that explain an answer are written."""

from typing import Any

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ugrpy.core.trouble import Reason, Trouble
from ugrpy.frontend.fields import (
    CacheUse,
    Took,
    cache_status,
    how_many,
    proxy_error,
    proxy_note,
    proxy_status,
    proxy_status_of_all,
    server_timing,
)
from ugrpy.namespace.model import Cause, Denied, Unknown

LATE = Reason("silent for 10 s", Trouble.HTTP_RESPONSE_TIMEOUT)


def members(value: str) -> list[tuple[str, dict[str, object]]]:
    """A list of structured fields, read by a library that is not ours."""
    read: Any = http_sf.parse(value.encode(), tltype="list")
    return [(str(item), dict(parameters)) for item, parameters in read]


def test_each_missing_endpoint_is_a_member():
    missing = {"uvic": LATE, "cern": Denied(403, "PROPFIND answered 403").reason, "ral": "drained"}
    assert proxy_status(missing) == (
        'ugrpy; next-hop="cern"; received-status=403; details="PROPFIND answered 403", '
        'ugrpy; error=destination_unavailable; next-hop="ral"; details="drained", '
        'ugrpy; error=http_response_timeout; next-hop="uvic"; details="silent for 10 s"'
    )
    assert proxy_status({}) == ""


def test_a_hundred_missing_endpoints_do_not_fill_the_head():
    value = proxy_status({f"e{n:03}": LATE for n in range(100)})
    told = members(value)
    assert len(told) == 17
    assert told[-1] == ("ugrpy", {"details": "and 84 more"})


@pytest.mark.parametrize(
    ("missing", "asked", "value"),
    [
        (
            {"a": LATE},
            8,
            'ugrpy; error=http_response_timeout; details="7 of 8 storage elements answered"',
        ),
        (
            {"a": LATE},
            0,
            'ugrpy; error=http_response_timeout; details="1 storage element did not answer"',
        ),
        (
            {"a": LATE, "b": "down"},
            2,
            'ugrpy; error=destination_unavailable; details="0 of 2 storage elements answered"',
        ),
        ({"a": Denied(401).reason}, 1, 'ugrpy; details="0 of 1 storage element answered"'),
    ],
)
def test_without_names_only_how_many_are_missing(missing, asked, value):
    assert proxy_status_of_all(missing, asked) == value


def test_an_impossible_count_is_not_told():
    assert how_many(3, 2) == "3 storage elements did not answer"


@given(st.text(min_size=1), st.text(max_size=400))
def test_strings_in_headers_are_structured_fields_whatever_storage_said(name, details):
    ((member, parameters),) = members(proxy_status({name: Reason(details, Trouble.DNS_ERROR)}))
    assert member == "ugrpy"
    assert parameters.keys() <= {"error", "next-hop", "details"}


def test_quotes_and_line_ends_cannot_leave_a_string():
    assert proxy_status({"a": Reason('x"y\\z\r\nSet-Cookie: é', Trouble.DNS_ERROR)}) == (
        'ugrpy; error=dns_error; next-hop="a"; details="x\\"y\\\\z??Set-Cookie: ?"'
    )


def test_long_details_are_cut():
    assert len(proxy_status({"a": "x" * 10_000})) < 300


def test_what_is_no_endpoints_fault():
    assert (
        proxy_error(Trouble.HTTP_REQUEST_DENIED, "no")
        == 'ugrpy; error=http_request_denied; details="no"'
    )
    assert proxy_note("no checksum") == 'ugrpy; details="no checksum"'


def test_every_cause_has_an_error_type():
    assert {Unknown(cause).reason.trouble for cause in Cause} == {
        Trouble.HTTP_RESPONSE_TIMEOUT,
        Trouble.DESTINATION_UNAVAILABLE,
        Trouble.HTTP_PROTOCOL_ERROR,
        Trouble.HTTP_RESPONSE_INCOMPLETE,
    }


@pytest.mark.parametrize(
    ("use", "value"),
    [
        (CacheUse(hit=True, ttl_s=30), "ugrpy; hit; ttl=30"),
        (CacheUse(hit=True, fwd="stale", stored=True, ttl_s=-2), "ugrpy; hit; ttl=-2"),
        (CacheUse(hit=True, detail="shared"), "ugrpy; hit; detail=shared"),
        (CacheUse(hit=False), "ugrpy; fwd=miss"),
        (
            CacheUse(
                hit=False, fwd="stale", stored=True, collapsed=True, ttl_s=300, detail="lease"
            ),
            "ugrpy; fwd=stale; stored; collapsed; ttl=300; detail=lease",
        ),
    ],
)
def test_cache_status(use, value):
    assert cache_status(use) == value
    assert [member for member, _ in members(value)] == ["ugrpy"]


def test_server_timing_is_in_milliseconds():
    entries = [
        Took("cache", desc="miss"),
        Took("slowest", 0.01234, 'u"vic'),
        Took("two words", 2.0),
    ]
    assert server_timing(entries) == (
        'cache;desc="miss", slowest;dur=12.3;desc="u\\"vic", two_words;dur=2000.0'
    )
    assert server_timing([]) == ""
