"""What a PAC script's answer means to CVMFS."""

import pytest

from shoalpy.pac import PacStyle, render_answer
from shoalpy.pacanswer import agree, as_groups, fill_in, parse_pac_answer
from shoalpy.proxylist import BadProxyList, Proxy, Special, parse_proxy_list

A, B = Proxy("a.example", 3128), Proxy("b.example", 80)
DIRECT = Special.DIRECT


@pytest.mark.row("S72")
@pytest.mark.parametrize(
    ("text", "ways", "skipped"),
    [
        ("PROXY http://a.example:3128; PROXY http://b.example:80; DIRECT", (A, B, DIRECT), ()),
        ("PROXY a.example:3128;PROXY b.example:80", (A, B), ()),
        ("  proxy   http://a.example:3128 ;;direct ", (A, DIRECT), ()),
        ("PROXY http:// a.example : 3128", (A,), ()),
        ("PROXY a.example:3128; PROXY http://a.example:3128", (A,), ()),
        ("SOCKS s.example:1080; PROXY a.example:3128", (A,), ("SOCKS s.example:1080",)),
        (
            "SOCKS5 s.example:1080; HTTPS a.example:443",
            (),
            ("SOCKS5 s.example:1080", "HTTPS a.example:443"),
        ),
        ("NONE", (), ("NONE",)),
        ("PROXY; DIRECT now; PROXY a b:c:d", (), ("PROXY", "DIRECT now", "PROXY a b:c:d")),
        ("PROXY [2001:db8::7]:3128", (Proxy("2001:db8::7", 3128),), ()),
        ("", (DIRECT,), ()),
        (" ; ", (DIRECT,), ()),
    ],
)
def test_words(text, ways, skipped):
    found = parse_pac_answer(text)
    assert found.ways == ways
    assert found.skipped == skipped


@pytest.mark.parametrize("style", PacStyle)
def test_our_own_answers_mean_what_we_said(style):
    assert parse_pac_answer(render_answer([A, B], style, direct=True)).ways == (A, B, DIRECT)


@pytest.mark.row("S72")
def test_the_first_server_decides_and_those_told_otherwise_are_named():
    found = agree(
        [
            ("http://one.example/", "PROXY a.example:3128"),
            ("http://two.example/", "PROXY http://a.example:3128"),
            ("http://three.example/", "DIRECT"),
        ]
    )
    assert found.ways.ways == (A,)
    assert found.differing == ("http://three.example/",)


@pytest.mark.row("S72")
def test_each_way_is_a_group_in_the_place_of_auto():
    groups = as_groups(parse_pac_answer("PROXY a.example:3128; PROXY b.example:80; DIRECT"))
    assert groups == ((A,), (B,), (DIRECT,))
    configured = parse_proxy_list("c.example|d.example;auto;DIRECT")
    assert str(fill_in(configured, groups)) == (
        "http://c.example|http://d.example;http://a.example:3128;http://b.example:80;DIRECT"
    )


def test_nothing_discovered():
    assert str(fill_in(parse_proxy_list("auto;DIRECT"), ())) == "DIRECT"
    with pytest.raises(BadProxyList):
        fill_in(parse_proxy_list("auto"), ())
