"""The document says what the table says, and is one that tools can read."""

import json
import re
from typing import Any

import pytest

from tests.unit.service.api.world import Cache, Caches, Kind, NewCache, serving
from ugrpy.service.api import Answer, Api, ApiModel, Call, Nothing, Operation
from ugrpy.service.api.openapi import openapi_document


def document() -> dict[str, Any]:
    """As clients get it."""
    found: dict[str, Any] = json.loads(json.dumps(Caches().api().document))
    return found


def references(part: object):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    if isinstance(part, list):
        for value in part:
            yield from references(value)


def operations(doc):
    return [one for methods in doc["paths"].values() for one in methods.values()]


def test_a_validator_finds_nothing_wrong():
    """By the official JSON schema of OpenAPI 3.1 and the rules that it cannot express."""
    validator = pytest.importorskip("openapi_spec_validator")
    assert list(validator.OpenAPIV31SpecValidator(document()).iter_errors()) == []


def test_the_frame():
    doc = document()
    assert doc["openapi"] == "3.1.0"
    assert doc["info"] == {
        "title": "Caches",
        "version": "2.0",
        "description": "Caches <near> & far.",
    }
    assert set(doc) == {"openapi", "info", "servers", "paths", "components"}
    assert doc["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}


def test_every_line_of_the_table_is_there_and_nothing_else():
    found = {
        (method.upper(), path)
        for path, methods in document()["paths"].items()
        for method in methods
    }
    assert found == {(operation.method, operation.path) for operation in Caches().operations()}
    names = [one["operationId"] for one in operations(document())]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z_]\w*", name) for name in names)


def test_every_reference_leads_somewhere_and_every_shape_is_used():
    doc = document()
    named = {f"#/components/schemas/{name}" for name in doc["components"]["schemas"]}
    assert set(references(doc)) == named
    assert set(doc["components"]["schemas"]) == {
        "Cache",
        "FieldError",
        "Kind",
        "NewCache",
        "Place-Input",
        "Place-Output",
        "Problem",
    }


def test_every_place_in_a_path_is_a_parameter():
    for path, methods in document()["paths"].items():
        for operation in methods.values():
            described = [p for p in operation.get("parameters", []) if p["in"] == "path"]
            assert {p["name"] for p in described} == set(re.findall(r"\{(\w+)\}", path))
            assert all(p["required"] for p in described)


def test_parameters_are_described():
    doc = document()
    by_name = {p["name"]: p for p in doc["paths"]["/v2/caches"]["get"]["parameters"]}
    assert by_name["limit"] == {
        "name": "limit",
        "in": "query",
        "required": False,
        "description": "How many items at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    }
    assert by_name["kind"]["schema"] == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Kind"},
        "default": [],
    }
    # a query has no word for null
    assert by_name["near"]["schema"] == {"type": "string", "format": "ipv4"}
    assert by_name["verified"]["schema"] == {"type": "boolean"}


def test_content_and_answers_have_their_shapes():
    doc = document()
    post = doc["paths"]["/v2/caches"]["post"]
    assert post["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewCache"}}},
    }
    created = post["responses"]["201"]["content"]["application/json"]["schema"]
    assert created == {"$ref": "#/components/schemas/Cache"}
    listed = doc["paths"]["/v2/caches"]["get"]["responses"]["200"]
    assert listed["content"]["application/json"]["schema"]["items"] == created
    assert set(listed["headers"]) == {"ETag", "Link"}
    put = doc["paths"]["/v2/picture"]["put"]
    assert put["requestBody"]["content"] == {"image/png": {}, "image/gif": {}}
    pac = doc["paths"]["/wpad.dat"]["get"]["responses"]["200"]
    assert set(pac["content"]) == {"application/x-ns-proxy-autoconfig"}
    assert set(pac["headers"]) == {"ETag"}


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("get", "/v2/caches", "200 304 400 default"),
        ("post", "/v2/caches", "201 400 401 403 408 413 415 422 default"),
        ("get", "/v2/caches/{id}", "200 304 400 404 default"),
        ("delete", "/v2/caches/{id}", "204 400 401 403 404 default"),
        ("put", "/v2/picture", "204 400 401 403 408 413 415 default"),
        ("get", "/v2/fail", "200 304 400 401 403 502 503 504 default"),
    ],
)
def test_every_status_is_told(method, path, statuses):
    responses = document()["paths"][path][method]["responses"]
    assert set(responses) == set(statuses.split())
    for status, response in responses.items():
        if status == "default" or int(status) >= 400:
            (media_type,) = response["content"]
            assert media_type == "application/problem+json"


def test_roles_are_told():
    doc = document()
    assert doc["paths"]["/v2/caches"]["post"]["security"] == [{"bearer": ["operator"]}]
    assert "security" not in doc["paths"]["/v2/caches"]["get"]


def test_examples_are_what_would_be_sent():
    doc = document()
    listed = doc["paths"]["/v2/caches"]["get"]["responses"]["200"]["content"]
    (example,) = listed["application/json"]["example"]
    assert Cache.model_validate(example) == Cache(id=1, host="squid.example")
    assert doc["components"]["schemas"]["Cache"]["properties"]["host"]["examples"] == [
        "squid.example"
    ]


def test_a_shape_that_is_read_and_written_differently_has_two_names():
    class Both(ApiModel):
        kind: Kind = Kind.SQUID

    async def echo(call: Call[Nothing, Nothing, Both]) -> Both:
        return call.body

    doc = openapi_document("t", "1", [Operation("POST", "/x", echo, summary="x")])
    post = doc["paths"]["/x"]["post"]
    sent = post["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    got = post["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    assert sent != got
    assert {sent, got} < set(references(doc))


def test_an_operation_without_a_result_tells_its_status():
    async def accept(call: Call[Nothing, Nothing, NewCache]) -> Answer[None]:
        return Answer(None)

    operation = Operation("POST", "/x", accept, summary="x", status=202)
    doc = openapi_document("t", "1", [operation])
    assert doc["paths"]["/x"]["post"]["responses"]["202"] == {"description": "Accepted"}
    assert "securitySchemes" not in doc["components"]


async def test_clients_get_it_with_a_tag():
    api = Caches().api()
    async with serving(api) as client:
        response = await client.get("/openapi.json")
        assert response.content_type == "application/json"
        assert json.loads(await response.read()) == api.document
        tag = response.headers["ETag"]
        again = await client.get("/openapi.json", headers={"If-None-Match": tag})
        assert again.status == 304


async def test_its_place_can_be_chosen():
    async def one(call: Call[Nothing, Nothing, None]) -> str:
        return "x"

    table = [Operation("GET", "/x", one, summary="x", media_type="text/plain")]
    api = Api("t", "1", table, document_path="/v2/openapi.json", docs_path="/v2/docs")
    async with serving(api) as client:
        assert (await client.get("/v2/openapi.json")).status == 200
        assert 'href="/v2/openapi.json"' in await (await client.get("/v2/docs")).text()
        assert (await client.get("/openapi.json")).status == 404
