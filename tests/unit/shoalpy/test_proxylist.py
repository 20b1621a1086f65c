"""CVMFS' lists of proxies: what is read is what is written, and nothing that CVMFS misreads is ever written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoalpy.proxylist import (
    BadProxyList,
    Blanks,
    Proxy,
    ProxyList,
    Special,
    parse_proxy,
    parse_proxy_list,
    unique,
)

_label = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,8}[A-Za-z0-9])?", fullmatch=True)
hosts = st.one_of(
    st.lists(_label, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)
proxies = st.builds(
    Proxy, hosts, st.none() | st.integers(1, 65535), st.sampled_from(["http", "https"])
)
_groups = st.one_of(
    st.just((Special.AUTO,)),
    st.lists(proxies | st.just(Special.DIRECT), min_size=1, max_size=4).map(tuple),
)
lists = st.lists(_groups, min_size=1, max_size=5).map(lambda groups: ProxyList(tuple(groups)))
_blanks = st.sampled_from(["", " ", "  ", "\t"])


@pytest.mark.row("S72")
@given(lists)
def test_what_is_written_is_read_again(proxy_list):
    text = str(proxy_list)
    assert not any(character.isspace() or character in "\"'" for character in text)
    assert parse_proxy_list(text, Blanks.REFUSE) == proxy_list


@pytest.mark.row("S72")
@given(lists, st.data())
def test_blanks_around_the_parts_are_dropped_or_refused(proxy_list, data):
    def pad(text):
        return data.draw(_blanks) + text + data.draw(_blanks)

    text = ";".join(pad("|".join(pad(str(one)) for one in group)) for group in proxy_list.groups)
    assert parse_proxy_list(text) == proxy_list
    if any(character.isspace() for character in text.strip()):
        with pytest.raises(BadProxyList, match="blanks"):
            parse_proxy_list(text, Blanks.REFUSE)


A, B = Proxy("a.example", 3128), Proxy("b.example", 80)


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("a.example:3128", ((A,),)),
        ("http://a.example:3128|http://b.example:80;DIRECT", ((A, B), (Special.DIRECT,))),
        ("auto;DIRECT", ((Special.AUTO,), (Special.DIRECT,))),
        # as old clients write it
        ("http://a.example:3128;", ((A,),)),
        ("http://a.example:3128/", ((A,),)),
        (";;a.example:3128|;|", ((A,),)),
        ("[2001:db8::7]:3128", ((Proxy("2001:db8::7", 3128),),)),
        ("http://[::1]", ((Proxy("::1"),),)),
        ("https://192.0.2.7", ((Proxy("192.0.2.7", None, "https"),),)),
        ("DIRECT|a.example:3128", ((Special.DIRECT, A),)),
    ],
)
def test_lists_as_they_are_found(text, groups):
    assert parse_proxy_list(text).groups == groups


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "at least one"),
        (" ; ", "at least one"),
        ("auto|a.example", "group of its own"),
        ("a b", "found"),
        ("http://", "found"),
        ("a.example:0", "port"),
        ("a.example:65536", "port"),
        ("a.example:port", "found"),
        ("ftp://a.example", "http or https"),
        ("2001:db8::7", "found"),
        ("[192.0.2.7]:80", None),
        ("[2001:db8::7%eth0]:80", "found"),
        ("[::g]", "found"),
        ("a..example", "host name"),
        ("-a.example", "host name"),
        ('a";evil', "host name"),
        ("a.example/path", "found"),
        ("x" * 64, "host name"),
        (".".join(["x" * 60] * 5), "host name"),
    ],
)
def test_what_is_no_list(text, why):
    if why is None:  # brackets do no harm
        assert str(parse_proxy_list(text)) == "http://192.0.2.7:80"
        return
    with pytest.raises(BadProxyList, match=why):
        parse_proxy_list(text)


@given(st.text(max_size=40))
def test_no_text_is_trouble(text):
    try:
        found = parse_proxy_list(text)
    except BadProxyList:
        return
    assert parse_proxy_list(str(found), Blanks.REFUSE) == found


def test_a_proxy_is_written_with_brackets_where_it_needs_them():
    assert str(Proxy("2001:db8::7", 3128)) == "http://[2001:db8::7]:3128"
    assert Proxy("2001:db8::7").authority == "[2001:db8::7]"
    assert Proxy("a.example").authority == "a.example"


def test_the_port_that_goes_without_saying():
    assert parse_proxy("a.example", 3128) == A
    assert parse_proxy("b.example:80", 3128) == B


def test_members_in_order_and_once():
    assert parse_proxy_list("a.example:3128|b.example:80;DIRECT").members == (A, B, Special.DIRECT)
    assert unique([A, B, A]) == (A, B)
