"""Every document that once broke a reader, or nearly, is read to its end or refused, the same for every way of cutting it."""

from pathlib import Path

import pytest

from tests.properties.test_foreign_bytes import read
from ugrpy.core.errors import BadRequest, DataError
from ugrpy.metalink.reader import parse_metalink
from ugrpy.webdav.request import parse_propfind

CORPUS = Path(__file__).parents[1] / "data" / "fuzz"


def corpus(kind: str) -> list[Path]:
    """The inputs of one kind."""
    found = sorted((CORPUS / kind).iterdir())
    assert found, kind
    return found


@pytest.mark.parametrize("path", corpus("multistatus"), ids=lambda path: path.stem)
def test_a_listing_of_the_corpus_reads_the_same_however_it_is_cut(path):
    body = path.read_bytes()
    whole, skipped, broke = read(body, [])
    for cuts in (list(range(min(len(body), 5000))), list(range(0, len(body), 7)), [len(body) // 2]):
        cut, skipped_then, broke_then = read(body, cuts)
        assert broke_then == broke
        if broke:
            assert whole[: len(cut)] == cut[: len(whole)]
        else:
            assert (cut, skipped_then) == (whole, skipped)
    for resource in whole:
        assert not {"", ".", ".."} & set(resource.path.split("/")[1:]) or resource.path == "/"
        assert "\0" not in resource.path


# What is in them can be used; all others are refused.
USABLE_QUESTIONS = {"made-up-names", "many-attributes", "utf-16-without-a-mark"}
USABLE_METALINKS = {
    "name-that-climbs", "odd-dates", "odd-digests", "odd-numbers", "several-files", "urls-that-are-not-http", "version-3",
}  # fmt: skip


@pytest.mark.parametrize("path", corpus("propfind"), ids=lambda path: path.stem)
def test_a_question_of_the_corpus_is_read_or_refused(path):
    body = path.read_bytes()
    if path.stem in USABLE_QUESTIONS:
        parse_propfind(body)
    else:
        with pytest.raises(BadRequest):
            parse_propfind(body)


@pytest.mark.parametrize("path", corpus("metalink"), ids=lambda path: path.stem)
def test_a_metalink_of_the_corpus_is_read_or_refused(path):
    body = path.read_bytes()
    if path.stem not in USABLE_METALINKS:
        with pytest.raises(DataError):
            parse_metalink(body)
        return
    document = parse_metalink(body)
    assert "/" not in document.name
    assert all(one.url.lower().startswith("http") for one in document.replicas)
