"""Frontier's connect strings: read and written again unchanged; new proxies stand before the old ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoalpy.frontier import BadConnectString, ConnectString, Item, Key, parse_connect_string
from shoalpy.proxylist import Proxy

SERVER = "(serverurl=http://launchpad.example:8000/atlr)"
A, B = Proxy("192.0.2.1", 3128), Proxy("2001:db8::7", 3128)

_keys = st.sampled_from([key.value for key in Key]) | st.from_regex(
    r"[a-z][a-z0-9-]{0,9}", fullmatch=True
)
_plain = st.text(st.characters(codec="utf-8", exclude_characters="()"), max_size=12)
_values = st.one_of(
    _plain, st.tuples(_plain, _plain, _plain).map(lambda t: f"{t[0]}({t[1]}){t[2]}")
)
_strings = st.lists(st.builds(Item, _keys, _values), max_size=6).map(
    lambda items: ConnectString(tuple(items))
)


@given(_strings)
def test_what_is_written_is_read_again(connect):
    assert parse_connect_string(str(connect)) == connect


@given(_strings, st.lists(st.sampled_from([A, B]), max_size=3))
def test_new_proxies_stand_before_the_old_ones_and_the_rest_keeps_its_order(connect, new):
    found = connect.with_proxies(new)
    wanted = list(dict.fromkeys(str(one) for one in new))
    assert list(found.values(Key.PROXY)[: len(wanted)]) == wanted
    old = [item for item in connect.items if not (item.key == Key.PROXY and item.value in wanted)]
    assert [item for item in found.items if item in old] == old
    assert len(found.items) == len(old) + len(wanted)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("", "(proxyurl=http://192.0.2.1:3128)(proxyurl=http://[2001:db8::7]:3128)"),
        (SERVER, SERVER + "(proxyurl=http://192.0.2.1:3128)(proxyurl=http://[2001:db8::7]:3128)"),
        (
            SERVER + "(retrieve-ziplevel=5)(proxyurl=http://old:3128)(failovertoserver=no)",
            SERVER
            + "(retrieve-ziplevel=5)(proxyurl=http://192.0.2.1:3128)(proxyurl=http://[2001:db8::7]:3128)"
            + "(proxyurl=http://old:3128)(failovertoserver=no)",
        ),
        (
            "(proxyurl=http://old:3128)\n (proxyurl=http://192.0.2.1:3128)" + SERVER,
            "(proxyurl=http://192.0.2.1:3128)(proxyurl=http://[2001:db8::7]:3128)(proxyurl=http://old:3128)"
            + SERVER,
        ),
    ],
)
def test_where_proxies_are_put(text, becomes):
    assert str(parse_connect_string(text).with_proxies([A, B, A])) == becomes


def test_balance_is_said_once():
    balanced = parse_connect_string(SERVER).with_balance()
    assert str(balanced) == SERVER + "(loadbalance=proxies)"
    assert balanced.with_balance() == balanced


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(serverurl=http://a", "character 0 is never closed"),
        (SERVER + "(a=b))", "expected '\\('"),
        ("serverurl=http://a", "expected '\\('"),
        ("(serverurl)", "key=value"),
        ("(=x)", "key=value"),
        ("(a b=x)", "key=value"),
    ],
)
def test_what_is_no_connect_string(text, why):
    with pytest.raises(BadConnectString, match=why):
        parse_connect_string(text)


@pytest.mark.parametrize("value", ["(", ")", ")("])
def test_a_value_cannot_end_its_item(value):
    with pytest.raises(BadConnectString, match="match"):
        Item("serverurl", value)


@given(st.text(max_size=40))
def test_no_text_is_trouble(text):
    try:
        found = parse_connect_string(text)
    except BadConnectString:
        return
    assert parse_connect_string(str(found)) == found
