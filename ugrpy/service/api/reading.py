"""What does a request say, in the shapes of its operation? Whatever does not fit is refused, with the name of each value that does not."""

from typing import Any

from aiohttp import hdrs, web
from pydantic import BaseModel, TypeAdapter, ValidationError

from ugrpy.security.identity import Identity
from ugrpy.service.api.problem import (
    InvalidBody,
    InvalidRequest,
    NoSuchPath,
    UnsupportedMediaType,
    field_error,
    field_errors,
)
from ugrpy.service.api.table import Call, Operation, parameter_schemas, shape_of, takes_many
from ugrpy.service.body import read_body

# How much of a name that a client made up is repeated to it.
_LONGEST_NAME = 64


class CallReader:
    """Reads the calls of one operation."""

    def __init__(self, operation: Operation) -> None:
        shape = shape_of(operation.handler)
        self._operation = operation
        self._path = shape.path
        self._query = shape.query
        self._parameters = {
            name: takes_many(schema) for name, schema in parameter_schemas(shape.query).items()
        }
        self._has_body = shape.body is not type(None)
        self._body: TypeAdapter[Any] | None = (
            TypeAdapter(shape.body) if self._has_body and shape.body is not bytes else None
        )

    async def read(self, request: web.Request, identity: Identity) -> Call[Any, Any, Any]:
        """The call. Raises ``InvalidRequest`` and its kin, and what ``service.body`` raises."""
        path = self._read_path(request)
        query = self._read_query(request)
        content = await self._read_content(request) if self._has_body else b""
        body = self._read_json(content) if self._body is not None else content
        return Call(path, query, body if self._has_body else None, identity, request, content)

    def _read_path(self, request: web.Request) -> BaseModel:
        try:
            return self._path.model_validate(dict(request.match_info))
        except ValidationError as error:
            raise NoSuchPath("there is no such path", field_errors(error, "path")) from None

    def _read_query(self, request: web.Request) -> BaseModel:
        given: dict[str, Any] = {}
        wrong = []
        query = request.rel_url.query
        for name in dict.fromkeys(query):
            values = query.getall(name)
            many = self._parameters.get(name)
            if many is None:
                wrong.append((name, self._unknown(name)))
            elif many:
                given[name] = values
            elif len(values) > 1:
                wrong.append((name, "given more than once"))
            else:
                given[name] = values[0]
        errors = [field_error("query", [name[:_LONGEST_NAME]], why) for name, why in wrong]
        try:
            model = self._query.model_validate(given)
        except ValidationError as error:
            errors += field_errors(error, "query")
        else:
            if not errors:
                return model
        names = ", ".join(dict.fromkeys(error.pointer[2:] for error in errors))
        raise InvalidRequest(f"the query cannot be understood: {names}", errors)

    def _unknown(self, name: str) -> str:
        known = ", ".join(sorted(self._parameters))
        return f"no such parameter; there are {known}" if known else "no parameter is taken here"

    async def _read_content(self, request: web.Request) -> bytes:
        operation = self._operation
        if not _is_one_of(request.headers.get(hdrs.CONTENT_TYPE, ""), operation.body_types):
            types = " or ".join(operation.body_types)
            raise UnsupportedMediaType(f"the content has to be of type {types}")
        return await read_body(
            request, max_bytes=operation.max_body_bytes, timeout_s=operation.body_timeout_s
        )

    def _read_json(self, content: bytes) -> object:
        assert self._body is not None
        try:
            return self._body.validate_json(content)
        except ValidationError as error:
            errors = field_errors(error, "body")
            # the parser's own error is always the only one
            if error.errors(include_input=False)[0]["type"] == "json_invalid":
                raise InvalidRequest("the content is not well-formed JSON", errors) from None
            raise InvalidBody("the content does not have the right shape", errors) from None


def _is_one_of(content_type: str, types: tuple[str, ...]) -> bool:
    """Whether the type, its parameters aside, is among these; ``*/*`` stands for all. JSON is in UTF-8 always (RFC 8259 section 8.1)."""
    return "*/*" in types or content_type.partition(";")[0].strip().lower() in types
