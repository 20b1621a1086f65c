"""The steps that use the federation: an analysis reads a ROOT file, an operator asks why."""

from http import HTTPStatus
from math import isclose

from ugrpy.demo.client import Reply, url_of
from ugrpy.demo.data import EVERYWHERE, ROOT_FILE
from ugrpy.demo.rootfile import EVENTS, TREE, masses_gev, mean_mass_gev
from ugrpy.demo.scene import Scene
from ugrpy.demo.sites import SITES, TOKYO, nearest_first
from ugrpy.service.tour.outcome import Check, Grid, Outcome, Quote


def root_file(scene: Scene) -> Outcome:
    """uproot opens the file at the gateway's URL and reads a branch by ranges."""
    url = url_of(scene.gateway_url, ROOT_FILE)
    expected = sum(masses_gev()) / EVENTS
    mean = mean_mass_gev(url)
    grid = Grid(
        ("tree", "events", "mean mass read", "mean mass written"),
        ((TREE, f"{EVENTS}", f"{mean:.4f} GeV", f"{expected:.4f} GeV"),),
    )
    piece = _first_bytes(scene)
    checks = (
        Check(
            "the average that was read is the one that was written",
            isclose(mean, expected, rel_tol=1e-12),
            f"{mean!r} instead of {expected!r}",
        ),
        Check(
            "a range of four bytes is four bytes, not the whole file",
            (piece.status, piece.body) == (HTTPStatus.PARTIAL_CONTENT, b"root"),
            f"status {piece.status}, {len(piece.body)} bytes",
        ),
    )
    sentence = f'uproot.open("{url}"): a real ROOT file, read by byte ranges through redirects.'
    return Outcome(sentence, grid, checks)


def _first_bytes(scene: Scene) -> Reply:
    """Ask the gateway for the first four bytes and follow the redirect, as a ROOT client does."""
    ranged = {"Range": "bytes=0-3"}
    url = url_of(scene.gateway_url, ROOT_FILE)
    first = scene.ask("GET", url, source=TOKYO.client_address, headers=ranged)
    if not first.location:
        return first
    return scene.ask("GET", first.location, source=TOKYO.client_address, headers=ranged)


def explained(scene: Scene) -> Outcome:
    """``ugrpy explain`` prints the decision for one name and one client."""
    explanation = scene.explain(EVERYWHERE, TOKYO.client_address)
    text = explanation.text
    order = [site.name for site in nearest_first(TOKYO, SITES)]
    named = [name for name in order if name in text]
    checks = (
        Check("the command succeeded", explanation.exit_code == 0, f"exit {explanation.exit_code}"),
        Check("it accounts for all three storage elements", named == order, ", ".join(named)),
        Check(
            f"it mentions the client's address {TOKYO.client_address}", TOKYO.client_address in text
        ),
    )
    sentence = "Every decision can be asked for: who was asked, what each said, how it was ranked."
    command = f"ugrpy explain {EVERYWHERE} --client {TOKYO.client_address}"
    return Outcome(sentence, Quote(command, text.rstrip()), checks)
