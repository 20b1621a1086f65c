"""What does the table look like as an OpenAPI 3.1 document? Every shape once, under ``components``."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Literal

from pydantic import TypeAdapter

from ugrpy.core.errors import BadRequest, Forbidden, RequestError
from ugrpy.service.api.problem import (
    PROBLEM_JSON,
    InvalidBody,
    NoSuchPath,
    Problem,
    Unauthorized,
    UnsupportedMediaType,
    statuses_of,
)
from ugrpy.service.api.table import PUBLIC, Operation, Shape, name_of, shape_of
from ugrpy.service.body import ContentTooLarge, ContentTooSlow

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]

_PREFIX = "#/components/schemas/"
_BEARER = "bearer"


def openapi_document(
    title: str, version: str, operations: Sequence[Operation], *, description: str = ""
) -> Schema:
    """The document, ready for JSON. ``ValueError`` when two operations have one name."""
    documented = [operation for operation in operations if operation.documented]
    _check_names(documented)
    shapes = _Shapes(documented)
    paths: defaultdict[str, Schema] = defaultdict(dict)
    for number, operation in enumerate(documented):
        described = _describe(operation, shapes, number)
        paths[operation.plain_path][operation.method.lower()] = described
    info = {"title": title, "version": version}
    if description:
        info["description"] = description
    components: Schema = {"schemas": shapes.used_by(paths)}
    if any(operation.role != PUBLIC for operation in documented):
        components["securitySchemes"] = {_BEARER: {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": info,
        "servers": [{"url": "/"}],
        "paths": dict(paths),
        "components": components,
    }


def render_document(document: Schema) -> bytes:
    """The document as it is sent. ``ValueError`` for examples that JSON has no words for."""
    return json.dumps(document, allow_nan=False, ensure_ascii=False).encode()


def _check_names(operations: Iterable[Operation]) -> None:
    names: dict[str, Operation] = {}
    for operation in operations:
        name = _name(operation)
        if name in names:
            raise ValueError(f"{operation} and {names[name]} are both called {name}")
        names[name] = operation


def _name(operation: Operation) -> str:
    return operation.name or name_of(operation.handler)


class _Shapes:
    """The schemas of all operations, made together, so that each model has one name."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        inputs: list[tuple[tuple[int, str], Mode, TypeAdapter[Any]]] = []
        for number, operation in enumerate(operations):
            shape = shape_of(operation.handler)
            for part, type_, mode in _parts(shape):
                inputs.append(((number, part), mode, TypeAdapter(type_)))
        inputs.append(((-1, "problem"), "serialization", TypeAdapter(Problem)))
        found, definitions = TypeAdapter.json_schemas(inputs, ref_template=_PREFIX + "{model}")
        self._found = {key: schema for (key, _mode), schema in found.items()}
        self._definitions: Schema = definitions.get("$defs", {})

    def of(self, number: int, part: str) -> Schema:
        """The schema of a part of an operation."""
        return dict(self._found[number, part])

    @property
    def problem(self) -> Schema:
        """The schema of all errors."""
        return self.of(-1, "problem")

    def parameters(self, number: int, where: Literal["path", "query"]) -> list[Schema]:
        """The fields of a model as parameters."""
        model = self._resolved(self.of(number, where))
        required = set(model.get("required", ()))
        return [
            _parameter(name, where, dict(schema), required=where == "path" or name in required)
            for name, schema in model.get("properties", {}).items()
        ]

    def _resolved(self, schema: Schema) -> Schema:
        reference = schema.get("$ref")
        if reference is None:
            return schema
        found: Schema = self._definitions[reference.removeprefix(_PREFIX)]
        return found

    def used_by(self, paths: Schema) -> Schema:
        """The named schemas that the document needs; the models of parameters are not among them."""
        used: set[str] = set()
        new = set(_references(paths))
        while new:
            used |= new
            new = {name for known in new for name in _references(self._definitions[known])} - used
        return {name: self._definitions[name] for name in sorted(used)}


def _parts(shape: Shape) -> Iterator[tuple[str, Any, Mode]]:
    yield "path", shape.path, "validation"
    yield "query", shape.query, "validation"
    if shape.body not in (bytes, type(None)):
        yield "body", shape.body, "validation"
    if not shape.raw and shape.result is not type(None):
        yield "result", shape.result, "serialization"


def _parameter(name: str, where: str, schema: Schema, *, required: bool) -> Schema:
    schema.pop("title", None)
    schema = _without_null(schema)
    parameter: Schema = {"name": name, "in": where, "required": required, "schema": schema}
    if description := schema.pop("description", ""):
        parameter["description"] = description
    return parameter


def _without_null(schema: Schema) -> Schema:
    """The schema of an optional parameter: a query says nothing by leaving it out, and has no word for null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == len(schema.get("anyOf", ())):
        return schema
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default")}
    return {**rest, **choices[0]} if len(choices) == 1 else {**rest, "anyOf": choices}


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix(_PREFIX)
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _describe(operation: Operation, shapes: _Shapes, number: int) -> Schema:
    shape = shape_of(operation.handler)
    described: Schema = {"operationId": _name(operation), "summary": operation.summary}
    if operation.description:
        described["description"] = operation.description
    if operation.tag:
        described["tags"] = [operation.tag]
    parameters = shapes.parameters(number, "path") + shapes.parameters(number, "query")
    if parameters:
        described["parameters"] = parameters
    if shape.body is not type(None):
        schema = {} if shape.body is bytes else {"schema": shapes.of(number, "body")}
        content = dict.fromkeys(operation.body_types, schema)
        described["requestBody"] = {"required": True, "content": content}
    described["responses"] = _responses(operation, shape, shapes, number)
    if operation.role != PUBLIC:
        described["security"] = [{_BEARER: [operation.role]}]
    return described


def _responses(operation: Operation, shape: Shape, shapes: _Shapes, number: int) -> Schema:
    status, success = _success(operation, shape, shapes, number)
    responses: Schema = {str(status): success}
    if operation.reads and status == 200:
        responses["304"] = {"description": "The client has it already."}
    problem = {PROBLEM_JSON: {"schema": shapes.problem}}
    titles: defaultdict[int, list[str]] = defaultdict(list)
    for error in _errors(operation, shape):
        for number_, title in statuses_of(error).items():
            titles[number_].append(title)
    for number_, said in sorted(titles.items()):
        description = ", ".join(dict.fromkeys(said))
        responses[str(number_)] = {"description": description, "content": problem}
    responses["default"] = {"description": "Any other problem", "content": problem}
    return responses


def _success(
    operation: Operation, shape: Shape, shapes: _Shapes, number: int
) -> tuple[int, Schema]:
    if shape.result is type(None):
        status = 204 if operation.status == 200 else operation.status
        return status, {"description": HTTPStatus(status).phrase}
    media: Schema = {} if shape.raw else {"schema": shapes.of(number, "result")}
    if operation.example is not None:
        media["example"] = _plain(operation.example)
    success: Schema = {
        "description": HTTPStatus(operation.status).phrase,
        "content": {operation.media_type: media},
    }
    headers = {}
    if operation.reads and operation.status == 200:
        headers["ETag"] = _header("For If-None-Match.")
    if shape.paged:
        headers["Link"] = _header('The next page, with rel="next"; absent at the end.')
    if headers:
        success["headers"] = headers
    return operation.status, success


def _header(description: str) -> Schema:
    return {"description": description, "schema": {"type": "string"}}


def _plain(example: object) -> object:
    """An example, which may be given as a model, in the words of JSON."""
    return TypeAdapter(Any).dump_python(example, mode="json", by_alias=True)


def _errors(operation: Operation, shape: Shape) -> Iterator[type[RequestError]]:
    """What may go wrong with any operation of this kind, and with this one."""
    yield BadRequest
    if operation.role != PUBLIC:
        yield Unauthorized
        yield Forbidden
    if shape.path.model_fields:
        yield NoSuchPath
    if shape.body is not type(None):
        yield from (ContentTooLarge, ContentTooSlow, UnsupportedMediaType)
        if shape.body is not bytes:
            yield InvalidBody
    yield from operation.errors
