"""Each step holds against a right federation, and notices each kind of wrong answer."""

from dataclasses import replace

import pytest

from tests.unit.demo.ideal import Ideal, Lie, multistatus, storage_url
from ugrpy.core.urls import encode_path
from ugrpy.demo.client import Reply
from ugrpy.demo.data import EVERYWHERE, ODD, ONLY_GENEVA, PLAN
from ugrpy.demo.failing import it_returns, one_dies
from ugrpy.demo.guide import STEPS
from ugrpy.demo.looking import meet_everybody, one_namespace, who_holds_what
from ugrpy.demo.reading import explained
from ugrpy.demo.scene import Explained, Scene
from ugrpy.demo.sending import SHOWN, metalink, nearest_replica
from ugrpy.demo.sites import GENEVA, TOKYO, VICTORIA
from ugrpy.service.tour.conducting import attempt
from ugrpy.service.tour.outcome import Grid, Outcome, Quote, Step

LOOKING = (meet_everybody, who_holds_what, one_namespace, nearest_replica, metalink, explained)


def failed_claims(outcome: Outcome) -> list[str]:
    return [check.claim for check in outcome.checks if not check.held]


@pytest.mark.parametrize("step", LOOKING)
def test_a_right_federation_passes(step):
    outcome = step(Ideal().scene())
    assert outcome.held, failed_claims(outcome)


def test_evidence_is_shown_in_full():
    scene = Ideal().scene()
    holders = who_holds_what(scene).evidence
    assert isinstance(holders, Grid)
    assert len(holders.rows) == len(PLAN)
    redirects = nearest_replica(scene).evidence
    assert isinstance(redirects, Grid)
    assert [row[0] for row in redirects.rows] == [row.path for row in PLAN if row.path in SHOWN]
    assert redirects.rows[0][1:] == ("Victoria, 0 km", "Geneva, 0 km", "Tokyo, 0 km")
    for step in LOOKING:
        evidence = step(scene).evidence
        if isinstance(evidence, Grid):
            assert {len(row) for row in evidence.rows} == {len(evidence.columns)}


def wrong(method: str, where: str, answer: Reply) -> Lie:
    return lambda asked, place, _source, _truth: (
        answer if (asked, place) == (method, where) else None
    )


GATE, TOKYO_HOST = "127.0.0.1", TOKYO.storage_address
LIES = [
    (meet_everybody, wrong("OPTIONS", f"{TOKYO_HOST}/", Reply(200)), "tokyo speaks WebDAV"),
    (meet_everybody, wrong("GET", f"{GATE}/readyz", Reply(503)), "the gateway is ready"),
    (
        who_holds_what,
        wrong("PROPFIND", f"{TOKYO_HOST}/", multistatus(["/", "/README.txt"])),
        "tokyo holds exactly its files",
    ),
    (
        one_namespace,
        wrong("PROPFIND", f"{GATE}/physics/", multistatus(["/physics"])),
        "every listing is the union of the three, each name once",
    ),
    (
        one_namespace,
        wrong(
            "PROPFIND",
            f"{GATE}/physics/",
            multistatus(["/physics", "/physics/dimuons.root", "/physics/dimuons.root"]),
        ),
        "every listing is the union of the three, each name once",
    ),
    (
        one_namespace,
        wrong("PROPFIND", f"{GATE}/physics/", multistatus(["/physics/dimuons.root", "/physics"])),
        "the collection itself comes first",
    ),
    (
        one_namespace,
        lambda method, place, _source, truth: (
            Reply(207, {}, truth.body.replace(b">4096<", b">4097<"))
            if (method, place) == ("PROPFIND", f"{GATE}/conditions/")
            else None
        ),
        "every size is right",
    ),
    (
        one_namespace,
        wrong("GET", f"{GATE}{ODD}/", Reply(200, {}, b"<p>nothing here</p>")),
        "the page for browsers links every odd name",
    ),
    (
        nearest_replica,
        lambda method, place, source, _truth: (
            Reply(302, {"location": storage_url(TOKYO) + encode_path(EVERYWHERE)})
            if (method, place, source) == ("GET", f"{GATE}{EVERYWHERE}", GENEVA.client_address)
            else None
        ),
        "the redirect leads to the nearest holder",
    ),
    (
        nearest_replica,
        wrong("GET", f"{GATE}{EVERYWHERE}", Reply(404)),
        "the redirect leads to the nearest holder",
    ),
    (
        nearest_replica,
        wrong("GET", f"{VICTORIA.storage_address}{EVERYWHERE}", Reply(200, {}, b"something else")),
        "what is then downloaded is that file, byte for byte",
    ),
    (
        nearest_replica,
        wrong("GET", f"{GATE}/runs/run-9999.dat", Reply(504)),
        "a name that nobody holds is 404",
    ),
    (
        metalink,
        lambda method, place, _source, truth: (
            Reply(200, truth.headers, truth.body.replace(b'priority="1"', b'priority="9"'))
            if (method, place) == ("GET", f"{GATE}{EVERYWHERE}")
            else None
        ),
        "it names all holders, nearest first",
    ),
    (
        metalink,
        lambda method, place, _source, truth: (
            Reply(200, {"content-type": "text/plain"}, truth.body)
            if (method, place) == ("GET", f"{GATE}{EVERYWHERE}")
            else None
        ),
        "it is a metalink",
    ),
    (
        metalink,
        wrong("GET", f"{GENEVA.storage_address}{EVERYWHERE}", Reply(500)),
        "every URL in it delivers the file",
    ),
]


@pytest.mark.parametrize(("step", "lie", "claim"), LIES)
def test_a_wrong_answer_is_noticed(step, lie, claim):
    failed = failed_claims(step(Ideal(lie).scene()))
    assert any(text.startswith(claim) for text in failed), failed


def test_a_first_answer_that_leads_farther_is_asked_again():
    looks = iter(range(100))

    def hasty(method: str, place: str, source: str, _truth: Reply) -> Reply | None:
        asked = (method, place, source) == ("GET", f"{GATE}{EVERYWHERE}", GENEVA.client_address)
        if asked and next(looks) < 2:
            return Reply(302, {"location": storage_url(TOKYO) + EVERYWHERE})
        return None

    outcome = nearest_replica(Ideal(hasty).scene())
    assert outcome.held
    assert "1 had to be asked again" in outcome.sentence
    assert "asked again" not in nearest_replica(Ideal().scene()).sentence


def with_explanation(explained_as: Explained) -> Scene:
    return replace(Ideal().scene(), explain=lambda _path, _client: explained_as)


@pytest.mark.parametrize(
    ("answer", "claim"),
    [
        (Explained(1, "tokyo victoria geneva 127.0.3.10"), "the command succeeded"),
        (Explained(0, "tokyo 127.0.3.10"), "it accounts for all three storage elements"),
        (Explained(0, "tokyo victoria geneva"), "it mentions the client's address 127.0.3.10"),
    ],
)
def test_a_poor_explanation_is_noticed(answer, claim):
    outcome = explained(with_explanation(answer))
    assert failed_claims(outcome) == [claim]
    assert isinstance(outcome.evidence, Quote)
    assert outcome.evidence.text == answer.text


def test_death_and_return():
    ideal = Ideal()
    scene = ideal.scene()
    dying = one_dies(scene)
    assert dying.held, failed_claims(dying)
    assert ideal.dead == {GENEVA}
    back = it_returns(scene)
    assert back.held, failed_claims(back)
    assert ideal.dead == set()


def test_the_timeline_shows_changes_only():
    """A gateway that needs three looks to notice: two lines for the redirects, one for the lonely file."""
    looks = iter(range(100))

    def slow(method: str, place: str, source: str, _truth: Reply) -> Reply | None:
        asked = (method, place, source) == ("GET", f"{GATE}{EVERYWHERE}", GENEVA.client_address)
        if asked and next(looks) < 3:
            return Reply(302, {"location": storage_url(GENEVA) + EVERYWHERE})
        return None

    evidence = one_dies(Ideal(slow).scene()).evidence
    assert isinstance(evidence, Grid)
    assert [row[1] for row in evidence.rows] == [
        "302, to Geneva",
        "302, to Victoria",
        f"{ONLY_GENEVA}: 503",
    ]


DYING = [
    (
        lambda method, place, _source, _truth: (
            Reply(302, {"location": storage_url(GENEVA) + EVERYWHERE})
            if (method, place) == ("GET", f"{GATE}{EVERYWHERE}")
            else None
        ),
        "redirects move on to Victoria",
    ),
    (wrong("GET", f"{GATE}{EVERYWHERE}", Reply(502)), "no client was sent an error meanwhile"),
    (
        wrong("GET", f"{GATE}{ONLY_GENEVA}", Reply(404)),
        "a file only Geneva holds is unavailable, not absent",
    ),
    (
        wrong("PROPFIND", f"{GATE}/runs/", multistatus(["/runs"])),
        "listings still show what the others hold",
    ),
]


@pytest.mark.parametrize(("lie", "claim"), DYING)
def test_a_bad_death_is_noticed(lie, claim):
    assert claim in failed_claims(one_dies(Ideal(lie).scene()))


def test_a_return_nobody_notices_is_noticed():
    ideal = Ideal()
    scene = replace(ideal.scene(), revive=lambda _site: None)
    ideal.dead.add(GENEVA)
    assert failed_claims(it_returns(scene)) == [
        "redirects return to Geneva",
        "the file only Geneva holds is back",
    ]


def test_a_step_that_raises_has_failed():
    def refuse(method: str, place: str, source: str, truth: Reply) -> Reply | None:
        raise ConnectionRefusedError("nobody there")

    outcome = attempt(Step("metalink", metalink), Ideal(refuse).scene())
    assert not outcome.held
    assert "nobody there" in outcome.checks[0].detail


def test_a_step_that_claims_nothing_does_not_hold():
    assert not Outcome("", Quote("", ""), ()).held


def test_the_tour_has_its_steps_in_order():
    assert [step.title for step in STEPS] == [
        "Three storage elements and a gateway",
        "Who holds what",
        "One namespace",
        "The nearest replica",
        "All replicas: metalink",
        "A ROOT file, read in place",
        "Why there? explain",
        "A storage element dies",
        "It comes back",
    ]
