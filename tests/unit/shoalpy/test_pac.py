"""PAC scripts as text; what they do in an evaluator is in tests/functional/shoalpy/test_pac.py."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoalpy.pac import Destination, PacStyle, Route, quoted, render_answer, render_pac, route_of
from shoalpy.proxylist import Proxy, Special

A, B, C = (Proxy(f"{name}.example", 3128) for name in "abc")
V6 = Proxy("2001:db8::7", 3128)


def test_a_list_is_one_return():
    assert render_pac(Route(((A,), (B,)), direct=True), PacStyle.WLCG) == (
        "function FindProxyForURL(url, host) {\n"
        '    return "PROXY http://a.example:3128; PROXY http://b.example:3128; DIRECT";\n'
        "}\n"
    )


def test_the_standard_style_has_no_scheme_and_v6_has_brackets():
    assert render_answer([A, V6], PacStyle.STANDARD, direct=True) == (
        "PROXY a.example:3128; PROXY [2001:db8::7]:3128; DIRECT"
    )
    assert render_answer([V6], PacStyle.WLCG, direct=False) == "PROXY http://[2001:db8::7]:3128"


def test_nothing_is_none_and_direct_alone_is_direct():
    assert 'return "NONE";' in render_pac(Route(), PacStyle.WLCG)
    assert 'return "DIRECT";' in render_pac(Route(direct=True), PacStyle.STANDARD)


def test_the_whole_script():
    assert render_pac(
        Route(((A, B),), backups=(C,)),
        PacStyle.STANDARD,
        comment="For SITE-A; CMS: T2_A",
        destinations=[
            Destination(("*/cvmfs/*", "*:8000/*"), Route(direct=True)),
            Destination((), Route()),
        ],
    ) == (
        "// For SITE-A; CMS: T2_A\n"
        "function FindProxyForURL(url, host) {\n"
        '    if (shExpMatch(url, "*/cvmfs/*") || shExpMatch(url, "*:8000/*")) {\n'
        '        return "DIRECT";\n'
        "    }\n"
        "    ran = Math.random();\n"
        '    if (ran < 1/2) return "PROXY b.example:3128; PROXY a.example:3128; PROXY c.example:3128";\n'
        '    return "PROXY a.example:3128; PROXY b.example:3128; PROXY c.example:3128";\n'
        "}\n"
    )


_sizes = st.lists(st.integers(0, 5), max_size=4)


@given(_sizes)
def test_in_all_rotations_each_proxy_is_first_in_its_group_equally_often(sizes):
    groups = tuple(
        tuple(Proxy(f"p{group}-{one}.example") for one in range(size))
        for group, size in enumerate(sizes)
    )
    route = Route(groups)
    turns = [route.rotated(by) for by in range(route.rotations)]
    everybody = sorted(str(proxy) for group in groups for proxy in group)
    assert all(sorted(map(str, turn)) == everybody for turn in turns)
    present = [group for group in groups if group]
    first = present[:1] if len(turns) < math.lcm(*map(len, present)) else present
    for group in first:
        leaders = [next(one for one in turn if one in group) for turn in turns]
        assert {leaders.count(one) for one in group} == {len(turns) // len(group)}
    assert len(turns) <= 12


def test_a_proxy_named_twice_is_told_once():
    route = Route(((A, B), (B,)), backups=(A, C))
    assert route.rotated(0) == (A, B, C)
    assert route.rotated(1) == (B, A, C)


def test_backups_do_not_stand_behind_direct():
    assert Route(((A,),)).with_backups([B]) == Route(((A,),), (B,))
    assert Route(((A,),), direct=True).with_backups([B]) == Route(((A,),), direct=True)


def test_a_list_as_a_route():
    assert route_of([A, B]) == Route(((A,), (B,)))
    assert route_of([A, B, A], balance=True) == Route(((A, B),))
    assert route_of([A, Special.DIRECT, B]) == Route(((A,),), direct=True)
    assert route_of([], balance=True) == Route()


@pytest.mark.parametrize(
    "text", ['"', "\\", "\n", "\r", "\u2028", "\u2029", "</script>", "é", "\x7f"]
)
def test_quoted_text_is_one_line_of_printable_ascii(text):
    made = quoted(f"a{text}b")
    assert made.isascii()
    assert made.isprintable()
    assert json.loads(made) == f"a{text}b"


@given(st.text())
def test_no_comment_leaves_its_line(text):
    script = render_pac(Route(), PacStyle.WLCG, comment=text)
    lines = script.splitlines()
    assert len(lines) == (4 if text else 3)
    assert lines[-3] == "function FindProxyForURL(url, host) {"
