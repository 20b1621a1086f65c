"""What can be asked of a service, by whom, and in which shapes? One ``Operation`` for each answer, in one table.

The shapes stand in the handler's own signature and nowhere else, so the type checker holds the handler to what is read from the
wire and what the document promises::

    class CacheId(ApiModel):
        id: int

    async def show(call: Call[CacheId, Nothing, None]) -> Cache: ...

    Operation("GET", "/v2/caches/{id}", show, summary="One cache", errors=(NotFound,))

``Call[path, query, body]`` names pydantic models for the path and the query (``Nothing`` for none) and, for the body, whatever
pydantic can read from JSON, ``bytes`` for any content as it came, or ``None``. What a handler may return:

====================  =====================================================================
a model, a list, ...  JSON
``Page[Item]``        JSON, a list, with ``Link: rel="next"`` (``paging``)
``str``, ``bytes``    the body as it is; ``media_type`` says what it is
``None``              no body: 204
``Answer[any above]`` the same with a status or headers of its own
====================  =====================================================================
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import GenericAlias, MappingProxyType
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from ugrpy.core.errors import RequestError
from ugrpy.security.identity import Identity

JSON = "application/json"
PUBLIC = "public"
"""The role of operations that anybody may ask for. All other roles are names that mean what the service wants."""

MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT_S = 30.0

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::[^{}]*)?\}")


class ApiModel(BaseModel):
    """The base for shapes: values that do not change, no field that is not known, no number that JSON has no word for.

    In results every field is always there, and the document says so, also of those with defaults.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )


class Nothing(ApiModel):
    """The path or the query of an operation without parameters there."""


P = TypeVar("P")
Q = TypeVar("Q")
B = TypeVar("B")
R = TypeVar("R")

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Call(Generic[P, Q, B]):
    """One request, read and found good: ``path``, ``query`` and ``body`` in their shapes.

    ``content`` is the body as it came, for signatures over it.
    """

    path: P
    query: Q
    body: B
    identity: Identity
    request: web.Request
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer(Generic[R]):
    """A result that needs a status (``None``: that of the operation) or headers of its own."""

    value: R
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """Some items of a longer list; ``next_cursor`` leads to those after them, ``None`` at the end."""

    items: list[R]
    next_cursor: str | None = None


# The one place where the types of different handlers meet in one table; each handler sees its own only.
Handler = Callable[[Call[Any, Any, Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One line of the table. ``ValueError`` for a line that contradicts itself.

    - ``path`` is a template of aiohttp: ``/v2/caches/{id}``, or ``{rest:.+}`` for a part with slashes.
    - ``errors``: those that the handler may raise beside what its shapes and role bring along; for the document.
    - ``cache_control``: empty for what suits most, "no-cache" when reading and "no-store" otherwise.
    - ``media_type`` of the result; ``body_types`` of content that is taken.
    - ``name``: the ``operationId``, the handler's own name when empty.
    """

    method: Method
    path: str
    handler: Handler
    _: KW_ONLY
    summary: str
    role: str = PUBLIC
    description: str = ""
    tag: str = ""
    name: str = ""
    status: int = 200
    media_type: str = JSON
    errors: tuple[type[RequestError], ...] = ()
    cache_control: str = ""
    compress: bool = True
    max_body_bytes: int = MAX_BODY_BYTES
    body_timeout_s: float = BODY_TIMEOUT_S
    body_types: tuple[str, ...] = (JSON,)
    example: object = None
    documented: bool = True

    def __post_init__(self) -> None:
        shape = shape_of(self.handler)
        places = set(_PLACE.findall(self.path))
        fields = set(parameter_schemas(shape.path))
        if places != fields:
            raise ValueError(
                f"{self}: the path has {sorted(places)}, but its shape {sorted(fields)}"
            )
        if not self.path.startswith("/") or set(_PLACE.sub("", self.path)) & set("{}"):
            raise ValueError(f"{self}: no template of a path")
        if shape.body is not type(None) and self.method == "GET":
            raise ValueError(f"{self}: reading takes no body")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def plain_path(self) -> str:
        """The template as documents write it, without expressions."""
        return _PLACE.sub(r"{\1}", self.path)

    @property
    def reads(self) -> bool:
        """Whether it only reads: then HEAD is offered too, and conditions are looked at."""
        return self.method == "GET"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a handler's signature says. ``result`` is what becomes of ``Answer`` and ``Page`` on the wire."""

    path: type[BaseModel]
    query: type[BaseModel]
    body: Any
    result: Any
    paged: bool

    @property
    def raw(self) -> bool:
        """Whether the result is the body itself."""
        return self.result in (str, bytes)


def shape_of(handler: Handler) -> Shape:
    """Read the signature of ``async def handler(call: Call[P, Q, B]) -> R``; ``ValueError`` when it is another."""
    hints = get_type_hints(handler if hasattr(handler, "__name__") else type(handler).__call__)
    result = hints.pop("return", None)
    if len(hints) != 1 or result is None:
        raise ValueError(
            f"{name_of(handler)}: a handler has one parameter, a Call, and says both its types"
        )
    (call,) = hints.values()
    if get_origin(call) is not Call:
        raise ValueError(f"{name_of(handler)}: the parameter is no Call[path, query, body]")
    path, query, body = get_args(call)
    for model in (path, query):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise ValueError(  # noqa: TRY004 - one error for every line that is wrong
                f"{name_of(handler)}: {model} is no pydantic model"
            )
    if get_origin(result) is Answer:
        (result,) = get_args(result)
    paged = get_origin(result) is Page
    if paged:
        (item,) = get_args(result)
        result = GenericAlias(list, (item,))
    return Shape(path, query, body, result, paged)


def name_of(handler: Handler) -> str:
    """What the handler is called."""
    name: str = getattr(handler, "__name__", type(handler).__name__)
    return name


def parameter_schemas(model: type[BaseModel]) -> dict[str, dict[str, Any]]:
    """The parameters that a model for a path or a query takes, under the names clients use, with their JSON schemas."""
    properties: dict[str, dict[str, Any]] = model.model_json_schema(mode="validation").get(
        "properties", {}
    )
    return properties


def takes_many(schema: Mapping[str, Any]) -> bool:
    """Whether a parameter may be repeated: its schema is an array's, or may be."""
    return schema.get("type") == "array" or any(map(takes_many, schema.get("anyOf", ())))
