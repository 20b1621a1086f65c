"""The page for people: all of the table, nothing that runs or loads, nothing that breaks out of its place."""

import base64
import hashlib
import re
from typing import Any

import pytest
from lxml import html
from pydantic import Field

from tests.unit.service.api.world import Caches, serving
from ugrpy.service.api import Api, ApiModel, Call, Nothing, Operation
from ugrpy.service.api.docs import render_docs, type_text


def page_from(text: str) -> Any:
    return html.fromstring(text)


async def test_everything_is_on_the_page():
    caches = Caches()
    async with serving(caches.api()) as client:
        response = await client.get("/docs")
        text = await response.text()
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    page = page_from(text)
    heads = [head.text_content() for head in page.iter("h3")]
    for operation in caches.operations():
        role = "" if operation.role == "public" else operation.role
        assert f"{operation.method} {operation.path}{role}" in heads
    assert {"Cache", "Kind", "NewCache", "Place-Input", "Problem"} < set(heads)
    words = page.text_content()
    for said in (
        "Caches <near> & far.",
        "The number is given by the service.",
        "integer, 1 to 1000",
    ):
        assert said in words
    assert page.xpath("//a/@href") == ["/openapi.json"]


async def test_nothing_on_it_runs_or_is_loaded():
    async with serving(Caches().api()) as client:
        response = await client.get("/docs")
        text = await response.text()
    page = page_from(text)
    assert not page.xpath("//script | //link | //img | //iframe | //@src | //@style | //@onclick")
    assert "url(" not in text
    assert "@import" not in text
    (style,) = page.xpath("//style/text()")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_markup_in_the_table_is_shown_as_text():
    evil = "<script>alert(1)</script>\"'"

    class Evil(ApiModel):
        name: str = Field(default=evil, description=evil)

    async def handler(call: Call[Nothing, Evil, None]) -> Evil:
        return call.query

    operation = Operation(
        "GET", "/x", handler, summary=evil, description=evil, role=evil, example={"name": evil}
    )
    api = Api(evil, evil, [operation], description=evil)
    page = render_docs(api.document, evil).decode()
    assert "<script" not in page
    assert page_from(page).text_content().count("<script>alert(1)</script>") >= 8


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, "anything"),
        ({"type": "string"}, "string"),
        ({"type": "string", "format": "ipv4"}, "ipv4"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "integer, 1 to 9"),
        ({"type": "number", "minimum": 0}, "number, at least 0"),
        ({"type": "number", "maximum": 0}, "number, at most 0"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/X"}}, "list of X"),
        ({"type": "array"}, "list of anything"),
        ({"enum": ["a", 1]}, '"a" or 1'),
        ({"const": "a"}, '"a"'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"allOf": [{"$ref": "#/components/schemas/X"}]}, "X"),
    ],
)
def test_types_in_a_few_words(schema, text):
    assert type_text(schema) == text


def test_the_page_is_small_and_whole():
    page = render_docs(Caches().api().document, "/openapi.json").decode()
    assert page.lstrip().startswith("<!DOCTYPE html>")
    assert page.rstrip().endswith("</html>")
    assert not re.search(r"\{[{%]|[%}]\}", page)
