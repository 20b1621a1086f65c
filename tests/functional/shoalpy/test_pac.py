"""PAC scripts in pacparser, the library that CVMFS and Frontier clients evaluate them with."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoalpy.pac import Destination, PacStyle, Route, quoted, render_pac
from shoalpy.proxylist import BadProxyList, Proxy

A, B, C, D = (Proxy(f"{name}.example", 3128) for name in "abcd")
V6 = Proxy("2001:db8::7", 3128)

# numbers that are spread evenly, so that counting them tells of the script and not of the luck of the day
EVENLY = "Math.random = (function () { var n = 0; return function () { n += 1; return (n * 0.6180339887498949) % 1; }; })();\n"


def test_a_script_in_each_style(pacparser):
    route = Route(((A,), (V6,)), direct=True)
    assert pacparser.answer(render_pac(route, PacStyle.WLCG)) == (
        "PROXY http://a.example:3128; PROXY http://[2001:db8::7]:3128; DIRECT"
    )
    assert pacparser.answer(render_pac(route, PacStyle.STANDARD)) == (
        "PROXY a.example:3128; PROXY [2001:db8::7]:3128; DIRECT"
    )
    assert pacparser.answer(render_pac(Route(), PacStyle.WLCG)) == "NONE"
    assert pacparser.answer(render_pac(Route(direct=True), PacStyle.WLCG)) == "DIRECT"


@pytest.mark.parametrize("size", [2, 3, 4, 10])
def test_each_of_equal_proxies_is_first_equally_often(pacparser, size):
    group = tuple(Proxy(f"p{one}.example", 3128) for one in range(size))
    script = render_pac(Route((group,), backups=(D,), direct=True), PacStyle.WLCG)
    evenly = pacparser.counts(EVENLY + script, 1000)
    assert sum(evenly.values()) == 1000
    assert sorted(evenly) == sorted(
        "; ".join(f"PROXY {one}" for one in (*group[by:], *group[:by], D)) + "; DIRECT"
        for by in range(size)
    )
    assert all(abs(count - 1000 / size) <= 0.05 * 1000 / size for count in evenly.values())
    # and with the evaluator's own numbers all of them occur
    assert set(pacparser.counts(script, 1000)) == set(evenly)


def test_urls_go_their_ways(pacparser):
    script = render_pac(
        Route(((A,),)),
        PacStyle.WLCG,
        destinations=[
            Destination(("*/cvmfs/*",), Route(((B, C),), direct=True)),
            Destination(("*:8000/*", "*frontier*"), Route(((D,),))),
        ],
    )

    def first(url):
        return pacparser.answer(script, url).partition(";")[0]

    assert first("http://s1.example/cvmfs/atlas.cern.ch/.cvmfspublished") in (
        f"PROXY {B}",
        f"PROXY {C}",
    )
    assert first("http://s1.example:8000/atlr") == f"PROXY {D}"
    assert first("http://frontier.example/x") == f"PROXY {D}"
    assert first("http://other.example/") == f"PROXY {A}"


HOSTILE = [
    '"; evil(); "',
    "\\",
    '\\"',
    "a\nb",
    "a\rb",
    "\u2028evil()\u2029",
    "*/ evil() /*",
    "// x",
    "</script>",
    "é\x00\x7f",
    "'+evil()+'",
    "${evil()}",
]
# pacparser gives text back by way of C strings in the machine's coding, so what comes back is the code points
_CODES = "var s = {}; var c = []; for (var i = 0; i < s.length; i++) c.push(s.charCodeAt(i)); return c.join(' ');"


def codes(text: str) -> str:
    units = text.encode("utf-16-le", "surrogatepass")
    return " ".join(
        str(int.from_bytes(units[at : at + 2], "little")) for at in range(0, len(units), 2)
    )


def _check(pacparser, texts):
    scripts = []
    for text in texts:
        scripts.append(f"function FindProxyForURL(url, host) {{ {_CODES.format(quoted(text))} }}")
        scripts.append(
            render_pac(
                Route(((A,),)),
                PacStyle.WLCG,
                comment=text,
                destinations=[Destination(("*no-such*",), Route(((B,),)))],
            )
        )
    answers = pacparser.answers(scripts)
    assert answers[0::2] == [codes(text) for text in texts]
    assert answers[1::2] == [f"PROXY {A}"] * len(texts)


def test_hostile_text_stays_in_its_string(pacparser):
    _check(pacparser, HOSTILE)


_texts = st.text(st.characters(codec=None) | st.sampled_from("\"'\\\n\r\u2028*/;{}"), max_size=30)


@settings(max_examples=10)
@given(texts=st.lists(_texts, min_size=20, max_size=40))
def test_no_text_leaves_its_string(pacparser, texts):
    _check(pacparser, texts)


@pytest.mark.parametrize("host", HOSTILE)
def test_no_proxy_has_a_hostile_name(host):
    with pytest.raises(BadProxyList, match="host name"):
        Proxy(host, 3128)


def test_the_largest_script_is_one_that_frontier_takes():
    long = ".".join(["x" * 60] * 4)
    members = [Proxy(f"{number:02}.{long}", 65535) for number in range(10)]
    script = render_pac(Route((tuple(members),), direct=True), PacStyle.WLCG)
    assert len(script.encode()) < 65_536
