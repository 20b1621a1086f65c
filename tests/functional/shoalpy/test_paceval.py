"""Scripts of others, evaluated for the client in a process of their own."""

import pytest

from shoalpy.pac import Destination, PacStyle, Route, render_pac
from shoalpy.pacanswer import agree, as_groups
from shoalpy.paceval import MAX_SCRIPT_BYTES, BadScript, evaluate_pac
from shoalpy.proxylist import Proxy, ProxyList

A, B = Proxy("a.example", 3128), Proxy("2001:db8::7", 3128)
STRATUM1 = [
    "http://s1.example/cvmfs/x.cern.ch/.cvmfspublished",
    "http://s2.example:8000/cvmfs/x.cern.ch/.cvmfspublished",
]
SITE = """
// For SITE-A; CMS: T2_A
function FindProxyForURL(url, host) {
  if (isPlainHostName(host) || dnsDomainIs(host, ".inside.example") || isInNet(host, "192.0.2.0", "255.255.255.0"))
    return "DIRECT";
  if (shExpMatch(url, "*/cvmfs/*") && localHostOrDomainIs(host, "s1.example"))
    return "SOCKS s.example:1080; PROXY http://a.example:3128; QUIC q.example:1; PROXY http://[2001:db8::7]:3128; DIRECT";
  if (dnsDomainLevels(host) == 1 && weekdayRange("SUN", "SAT") && typeof myIpAddress() == "string")
    return "PROXY http://a.example:3128; DIRECT";
  return "NONE";
}
"""


@pytest.mark.row("S72")
async def test_a_site_script_becomes_groups():
    answers = await evaluate_pac(SITE, STRATUM1)
    found = agree(list(zip(STRATUM1, answers, strict=True)))
    assert found.differing == (STRATUM1[1],)
    assert found.ways.skipped == ("SOCKS s.example:1080", "QUIC q.example:1")
    assert str(ProxyList(as_groups(found.ways))) == (
        "http://a.example:3128;http://[2001:db8::7]:3128;DIRECT"
    )


@pytest.mark.row("S72")
async def test_the_answer_is_for_the_host_asked_about():
    urls = [
        "http://plain/",
        "http://x.inside.example/",
        "http://192.0.2.7:80/",
        "http://x.y.example/",
    ]
    assert await evaluate_pac(SITE, urls) == ("DIRECT", "DIRECT", "DIRECT", "NONE")


@pytest.mark.row("S72")
async def test_our_own_script_balances_for_our_own_client():
    script = render_pac(
        Route(((A, B),), direct=True),
        PacStyle.WLCG,
        comment="For \u00e9t\u00e9",
        destinations=[Destination(("*frontier*",), Route())],
    )
    answers = await evaluate_pac(script, ["http://s1.example/"] * 60 + ["http://frontier.example/"])
    assert set(answers) == {
        f"PROXY {A}; PROXY {B}; DIRECT",
        f"PROXY {B}; PROXY {A}; DIRECT",
        "NONE",
    }
    assert answers[-1] == "NONE"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("nonsense(", "SyntaxError"),
        ("", "FindProxyForURL"),
        ("function FindProxyForURL(url, host) { return 7; }", "text"),
        ("function FindProxyForURL(url, host) { return null; }", "text"),
        ("function FindProxyForURL(url, host) { return missing(url); }", "missing"),
        ("function FindProxyForURL(url, host) { throw new Error('no\\nmore'); }", "no"),
        ("function FindProxyForURL(url, host) { return FindProxyForURL(url, host); }", "."),
        (
            "function FindProxyForURL(url, host) { var a = []; for (;;) a.push('x'.repeat(1e6) + a.length); }",
            "memory",
        ),
        ("//" + "x" * MAX_SCRIPT_BYTES, "bytes"),
    ],
)
async def test_scripts_that_cannot_be_used(script, why):
    with pytest.raises(BadScript, match=why):
        await evaluate_pac(script, STRATUM1)


async def test_a_script_that_never_ends_is_ended():
    with pytest.raises(BadScript, match=r"answered within|time"):
        await evaluate_pac("function FindProxyForURL(u, h) { for (;;); }", STRATUM1, timeout_s=1)


async def test_a_script_reads_no_files(tmp_path):
    secret = tmp_path / "secret.js"
    secret.write_text("module.exports = 'told';")
    script = (
        "function FindProxyForURL(u, h) { try { return String(require(%r)); }"
        " catch (e) { return String(call_python('dukpy.load_module', %r, %r)); } }"
    )
    name = str(secret)
    (answer,) = await evaluate_pac(script % (name, name, name), STRATUM1[:1])
    assert "told" not in answer
    assert "module.exports" not in answer
