"""Requests that once broke something, or nearly, sent byte by byte as they are kept in ``tests/data/fuzz``."""

import pytest

from tests.functional.helpers.hostile import check_answer, corpus, exchange
from tests.functional.helpers.settings import QUIET, configuration
from tests.functional.helpers.storage import elements, tree_of
from tests.peers.ask import ask
from tests.peers.gateway import GatewayStarter

pytestmark = pytest.mark.functional

# What each is answered with; where nothing is said, a client's mistake or not, the rules below are all there is.
EXPECTED = {
    "absolute-form": 302,
    "asterisk": 200,
    "bare-line-feed": None,
    "climb": 400,
    "climb-encoded": 400,
    "encoded-slash": 400,
    "forwarded-with-blanks": 302,
    "length-and-chunks": 400,
    "line-end-in-a-name": 400,
    "line-end-in-a-query": 302,
    "long-weight": 404,
    "name-over-255-bytes": 404,
    "odd-depth": 400,
    "path-over-8-kb": 404,
    "two-lengths": 400,
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with elements({"one": tree_of("/d/f", "/secret")}) as storage:
        text = configuration(
            {"one": {"url": storage["one"].base_url, **QUIET}},
            service={"trusted_proxies": ["127.0.0.0/8"]},
        )
        with GatewayStarter(tmp_path_factory.mktemp("hostile")) as start:
            yield start(config=text)


@pytest.mark.row("K9")
@pytest.mark.parametrize("path", corpus(), ids=lambda path: path.stem)
def test_a_request_of_the_corpus_is_answered_or_refused(gateway, path):
    request = path.read_bytes()
    received = exchange(gateway, request, quiet_s=1.0)
    check_answer(request, received)
    assert b"smuggled" not in received
    expected = EXPECTED.get(path.stem)
    if expected is not None:
        assert received.split(None, 2)[1] == str(expected).encode(), received
    # a well-behaved client is served all the same
    assert ask("GET", f"{gateway.url}/d/f").status == 302
    assert "request failed" not in gateway.log_text()


def test_the_expectations_name_requests_that_are_there():
    assert EXPECTED.keys() <= {path.stem for path in corpus()}
