"""XML from strangers."""

from pathlib import Path

import pytest

from ugrpy.core.errors import DataError
from ugrpy.core.safexml import parse_document

LAUGHS = b"""<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]><a>&y;&y;&y;</a>"""


def test_a_document_is_read_without_its_comments_and_instructions():
    root = parse_document(b"<?xml version='1.0'?><a><!-- no --><?php no ?><b>yes</b></a>", "it")
    assert [child.tag for child in root] == ["b"]
    assert root[0].text == "yes"
    assert parse_document(b"<a>&lt;&#233;</a>", "it").text == "<é"


@pytest.mark.parametrize("data", [b"", b"  ", b"<a>", b"<a></b>", b"<a>&unknown;</a>", b"<a/><b/>"])
def test_what_is_not_well_formed_is_refused_by_name(data: bytes):
    with pytest.raises(DataError, match="the request body is not well-formed XML: "):
        parse_document(data, "the request body")


@pytest.mark.parametrize("data", [LAUGHS, b"<!DOCTYPE a><a/>", b"<!DOCTYPE a SYSTEM 'x'><a/>"])
def test_document_types_are_refused(data: bytes):
    with pytest.raises(DataError, match="the list has a document type declaration"):
        parse_document(data, "the list")


def test_no_file_is_read_for_an_entity(tmp_path: Path):
    secret = tmp_path / "secret"
    secret.write_text("do not tell")
    document = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'
    with pytest.raises(DataError) as refused:
        parse_document(document.encode(), "it")
    assert "do not tell" not in str(refused.value)
