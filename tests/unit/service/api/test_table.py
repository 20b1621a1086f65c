"""Lines of the table: what a signature says, and which lines contradict themselves."""

import pytest
from pydantic import BaseModel, ValidationError

from tests.unit.service.api.world import Cache, CacheId, CacheQuery, Caches, NewCache
from ugrpy.service.api import Answer, Api, ApiModel, Call, Nothing, Operation, Page
from ugrpy.service.api.table import Shape, parameter_schemas, shape_of, takes_many


async def plain(call: Call[Nothing, Nothing, None]) -> Cache:
    return Cache(id=1, host="h")


async def by_id(call: Call[CacheId, Nothing, None]) -> Cache:
    return Cache(id=call.path.id, host="h")


class Callable:
    async def __call__(self, call: Call[Nothing, Nothing, None]) -> str:
        return "text"


def test_signatures_say_the_shapes():
    caches = Caches()
    assert shape_of(plain) == Shape(Nothing, Nothing, type(None), Cache, False)
    assert shape_of(caches.cache) == Shape(CacheId, Nothing, type(None), Cache, False)
    assert shape_of(caches.caches_all) == Shape(Nothing, CacheQuery, type(None), list[Cache], True)
    assert shape_of(caches.add) == Shape(Nothing, Nothing, NewCache, Cache, False)
    assert shape_of(caches.forget) == Shape(CacheId, Nothing, type(None), type(None), False)
    assert shape_of(caches.upload) == Shape(Nothing, Nothing, bytes, type(None), False)
    assert shape_of(Callable()) == Shape(Nothing, Nothing, type(None), str, False)
    assert [shape_of(one).raw for one in (caches.pac, Callable(), plain)] == [True, True, False]


def test_an_answer_may_hold_a_page():
    async def both(call: Call[Nothing, Nothing, None]) -> Answer[Page[int]]:
        return Answer(Page([1]))

    assert shape_of(both) == Shape(Nothing, Nothing, type(None), list[int], True)


async def untyped(call) -> Cache:
    return await plain(call)


async def no_result(call: Call[Nothing, Nothing, None]):
    return await plain(call)


async def two(call: Call[Nothing, Nothing, None], more: int) -> Cache:
    return await plain(call)


async def other(call: int) -> Cache:
    return Cache(id=call, host="h")


async def no_model(call: Call[int, Nothing, None]) -> Cache:
    return Cache(id=call.path, host="h")


@pytest.mark.parametrize(
    ("handler", "said"),
    [
        (untyped, "untyped: a handler has one parameter"),
        (no_result, "no_result: a handler has one parameter"),
        (two, "two: a handler has one parameter"),
        (other, "other: the parameter is no Call"),
        (no_model, "no_model: <class 'int'> is no pydantic model"),
    ],
)
def test_other_signatures_are_refused(handler, said):
    with pytest.raises(ValueError, match=said):
        shape_of(handler)


@pytest.mark.parametrize(
    ("method", "path", "handler", "said"),
    [
        ("GET", "/a/{name}", by_id, r"the path has \['name'\], but its shape \['id'\]"),
        ("GET", "/a", by_id, r"the path has \[\], but its shape \['id'\]"),
        ("GET", "/a/{id}", plain, r"the path has \['id'\], but its shape \[\]"),
        ("GET", "a", plain, "no template"),
        ("GET", "/a/{", plain, "no template"),
        ("GET", "/a", Caches().add, "GET /a: reading takes no body"),
    ],
)
def test_lines_that_contradict_themselves_are_refused(method, path, handler, said):
    with pytest.raises(ValueError, match=said):
        Operation(method, path, handler, summary="x")


def test_two_lines_for_one_thing_are_refused():
    with pytest.raises(ValueError, match="GET /a: twice in the table"):
        Api(
            "t",
            "1",
            [Operation("GET", "/a", plain, summary="x", name=name) for name in ("one", "two")],
        )
    with pytest.raises(ValueError, match="GET /b and GET /a are both called plain"):
        Api("t", "1", [Operation("GET", path, plain, summary="x") for path in ("/a", "/b")])


def test_a_line_says_what_it_is():
    operation = Operation("GET", "/a/{id:[0-9]+}/b", by_id, summary="x")
    assert str(operation) == "GET /a/{id:[0-9]+}/b"
    assert operation.plain_path == "/a/{id}/b"
    assert repr(Api("t", "1", [operation])) == (
        "Api(GET /a/{id:[0-9]+}/b, GET /openapi.json, GET /docs)"
    )


def test_parameters_have_the_names_that_clients_use_and_some_may_be_repeated():
    schemas = parameter_schemas(CacheQuery)
    assert list(schemas) == ["limit", "cursor", "kind", "verified", "near"]
    assert [name for name, schema in schemas.items() if takes_many(schema)] == ["kind"]

    class Maybe(BaseModel):
        tags: list[str] | None = None
        one: str | None = None

    assert {n: takes_many(s) for n, s in parameter_schemas(Maybe).items()} == {
        "tags": True,
        "one": False,
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_shapes_hold_only_what_json_has_words_for(value):
    class Load(ApiModel):
        load: float

    with pytest.raises(ValidationError, match="finite"):
        Load(load=value)
    with pytest.raises(ValidationError, match="Extra inputs"):
        Load.model_validate({"load": 1, "more": 2})
    with pytest.raises(ValidationError, match="frozen"):
        Load(load=1).load = 2
