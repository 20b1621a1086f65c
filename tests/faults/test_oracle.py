"""The oracle can say no: answers that must not pass, and some that must."""

import pytest

from tests.faults.cases import VERBS, Case, Company
from tests.faults.catalogue import TROUBLES
from tests.faults.oracle import Outcome, Verdict, judge

TROUBLE = {trouble.id: trouble for trouble in TROUBLES}
VERB = {verb.id: verb for verb in VERBS}
URLS = {"nginx": "http://n/f", "holds": "http://h/f", "holds-too": "http://t/f"}
BLAMED = 'ugrpy; error=destination_unavailable; next-hop="nginx"'
LIMIT_S = 10.0

RIGHT, HONEST, WRONG = Verdict.RIGHT, Verdict.HONEST, Verdict.WRONG


def verdict(trouble: str, verb: str, company: Company, outcome: Outcome) -> Verdict:
    case = Case(TROUBLE[trouble], VERB[verb], "nginx", company)
    return judge(case, outcome, URLS, LIMIT_S).verdict


def blaming(status: int, who: str = "nginx", **headers: str) -> Outcome:
    return Outcome(status, {"proxy-status": BLAMED.replace("nginx", who), **headers})


def to(location: str, link: str = "") -> Outcome:
    return Outcome(302, {"location": location, "link": link})


def listing(trouble: str, *children: str, missing: bool) -> tuple[str, Outcome]:
    base = f"/nginx/holder/{trouble}.list/c/"
    responses = [
        f"<D:response><D:href>{base}{child.partition('=')[0]}</D:href><D:propstat><D:prop>"
        + (
            "<D:resourcetype><D:collection/></D:resourcetype>"
            if child.endswith("/") or not child
            else f"<D:getcontentlength>{child.partition('=')[2]}</D:getcontentlength>"
        )
        + "</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>"
        for child in ("", *children)
    ]
    body = f'<D:multistatus xmlns:D="DAV:">{"".join(responses)}</D:multistatus>'.encode()
    return trouble, Outcome(207, {"proxy-status": BLAMED} if missing else {}, body)


HEALTHY = ("f=10", "g=3", "sub/", "h=4")


@pytest.mark.parametrize(
    ("trouble", "verb", "company", "outcome", "expected"),
    [
        # alone
        ("hang", "GET", Company.ALONE, blaming(504), HONEST),
        ("hang", "GET", Company.ALONE, blaming(503, **{"retry-after": "7"}), HONEST),
        ("hang", "GET", Company.ALONE, blaming(503), WRONG),
        ("hang", "GET", Company.ALONE, Outcome(504), WRONG),
        ("hang", "GET", Company.ALONE, blaming(504, "holds"), WRONG),
        ("hang", "GET", Company.ALONE, Outcome(404), WRONG),
        ("hang", "GET", Company.ALONE, blaming(404), WRONG),
        ("hang", "GET", Company.ALONE, blaming(500), WRONG),
        ("hang", "GET", Company.ALONE, Outcome(0, error="reset"), WRONG),
        ("hang", "GET", Company.ALONE, to(URLS["nginx"]), WRONG),
        ("hang", "GET", Company.ALONE, blaming(403), WRONG),
        ("none", "GET", Company.ALONE, to(URLS["nginx"]), RIGHT),
        ("none", "GET", Company.ALONE, blaming(504), WRONG),
        ("none", "HEAD", Company.ALONE, Outcome(200, {"content-length": "10"}), RIGHT),
        ("none", "HEAD", Company.ALONE, Outcome(200, {"content-length": "11"}), WRONG),
        ("none", "HEAD", Company.ALONE, Outcome(200, {"content-length": "10"}, b"", 11.0), WRONG),
        ("none", "HEAD", Company.ALONE, to(URLS["nginx"]), WRONG),
        ("size-words", "HEAD", Company.ALONE, to(URLS["nginx"]), HONEST),
        ("404", "GET", Company.ALONE, Outcome(404), RIGHT),
        ("404", "GET", Company.ALONE, blaming(502), WRONG),
        ("403", "GET", Company.ALONE, Outcome(403), HONEST),
        ("403", "GET", Company.ALONE, Outcome(404), WRONG),
        # with one that holds it
        ("hang", "GET", Company.HOLDER, to(URLS["holds"]), RIGHT),
        ("hang", "GET", Company.HOLDER, to(URLS["nginx"]), WRONG),
        ("hang", "GET", Company.HOLDER, to(URLS["holds"], f"<{URLS['nginx']}>"), WRONG),
        ("hang", "GET", Company.HOLDER, blaming(504), WRONG),
        ("404", "GET", Company.HOLDER, Outcome(404), WRONG),
        # with one that does not
        ("hang", "GET", Company.OTHER, Outcome(404), WRONG),
        ("hang", "GET", Company.OTHER, blaming(504), HONEST),
        ("none", "GET", Company.OTHER, Outcome(404), WRONG),
        # lies
        ("size-more", "HEAD", Company.MAJORITY, Outcome(200, {"content-length": "15"}), WRONG),
        ("size-more", "GET", Company.MAJORITY, to(URLS["nginx"]), WRONG),
        ("size-more", "GET", Company.MAJORITY, to(URLS["holds-too"]), RIGHT),
    ],
)
def test_what_an_answer_is_worth(trouble, verb, company, outcome, expected):
    assert verdict(trouble, verb, company, outcome) is expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (listing("none", *HEALTHY, missing=False), RIGHT),
        (listing("none", *HEALTHY[:3], missing=False), WRONG),
        (listing("none", *HEALTHY, missing=True), WRONG),
        (listing("none", "f=11", *HEALTHY[1:], missing=False), WRONG),
        (listing("none", *HEALTHY, "g=3", missing=False), WRONG),
        (listing("hang", *HEALTHY, missing=True), HONEST),
        (listing("hang", *HEALTHY, missing=False), WRONG),
        (listing("hang", *HEALTHY, "ghost=1", missing=True), WRONG),
        (listing("hang", *HEALTHY[:3], missing=True), WRONG),
        (listing("404", *HEALTHY, missing=False), RIGHT),
        (listing("403", *HEALTHY, missing=False), WRONG),
        (listing("403", *HEALTHY, missing=True), HONEST),
        (listing("xml-unaskable", *HEALTHY, missing=False), WRONG),
    ],
)
def test_what_a_listing_is_worth(told, expected):
    trouble, outcome = told
    assert verdict(trouble, "list", Company.HOLDER, outcome) is expected


def metalink(*urls: str, missing: bool = False, size: str = "<size>10</size>") -> Outcome:
    listed = "".join(f'<url priority="{n}">{url}</url>' for n, url in enumerate(urls, 1))
    body = f'<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="f">{size}{listed}</file></metalink>'
    return Outcome(200, {"proxy-status": BLAMED} if missing else {}, body.encode())


@pytest.mark.parametrize(
    ("trouble", "outcome", "expected"),
    [
        ("none", metalink(URLS["nginx"], URLS["holds"]), RIGHT),
        ("none", metalink(URLS["holds"]), WRONG),
        ("none", metalink(URLS["nginx"], URLS["holds"], size=""), WRONG),
        ("hang", metalink(URLS["holds"], missing=True), HONEST),
        ("hang", metalink(URLS["holds"]), WRONG),
        ("hang", metalink(URLS["holds"], URLS["nginx"], missing=True), WRONG),
    ],
)
def test_what_a_metalink_is_worth(trouble, outcome, expected):
    assert verdict(trouble, "metalink", Company.HOLDER, outcome) is expected
