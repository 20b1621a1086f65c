"""How does a person read the table? One page made from the OpenAPI document: no scripts, nothing loaded from anywhere."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2

_HERE = Path(__file__).parent

STYLE = (_HERE / "docs.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

DOCS_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
"""What goes with the page: markup that slipped through could neither run nor load anything (CSP level 3)."""

# read when this module is imported, because reading a file later would block the event loop
_PAGE = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
).get_template("docs.html")

Schema = Mapping[str, Any]


def render_docs(document: Schema, document_path: str) -> bytes:
    """The page of an OpenAPI document of ours; ``document_path`` is where programs find it."""
    page = _PAGE.render(
        style=STYLE,
        info=document["info"],
        document_path=document_path,
        operations=list(_operations(document)),
        shapes=[_shape(name, schema) for name, schema in document["components"]["schemas"].items()],
    )
    return page.encode()


def _operations(document: Schema) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            (roles,) = [
                roles for one in operation.get("security", [{"": []}]) for roles in one.values()
            ]
            yield {
                "method": method.upper(),
                "path": path,
                "name": operation["operationId"],
                "summary": operation["summary"],
                "description": operation.get("description", ""),
                "roles": roles,
                "parameters": [_parameter(one) for one in operation.get("parameters", ())],
                "body": list(_contents(operation.get("requestBody", {}))),
                "responses": [
                    {
                        "status": status,
                        "description": response["description"],
                        "contents": list(_contents(response)),
                    }
                    for status, response in operation["responses"].items()
                ],
            }


def _parameter(parameter: Schema) -> dict[str, Any]:
    return {
        "name": parameter["name"],
        "where": parameter["in"],
        "required": parameter["required"],
        "type": type_text(parameter["schema"]),
        "description": parameter.get("description", ""),
        "default": _default(parameter["schema"]),
    }


def _contents(holder: Schema) -> Iterator[dict[str, str]]:
    for media_type, media in holder.get("content", {}).items():
        example = media.get("example")
        yield {
            "media_type": media_type,
            "type": type_text(media["schema"]) if "schema" in media else "",
            "example": ""
            if example is None
            else example
            if isinstance(example, str)
            else json.dumps(example, indent=2, ensure_ascii=False),
        }


def _shape(name: str, schema: Schema) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    return {
        "name": name,
        "type": type_text(schema),
        "description": schema.get("description", ""),
        "fields": [
            {
                "name": field,
                "required": field in required,
                "type": type_text(of),
                "description": of.get("description", ""),
                "default": _default(of),
            }
            for field, of in schema.get("properties", {}).items()
        ],
    }


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default in (None, "") else json.dumps(default, ensure_ascii=False)


def type_text(schema: Schema) -> str:
    """A JSON schema in a few words: ``integer, 1 to 65535``, ``list of Cache``, ``"squid" or "varnish"``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " or ".join(map(json.dumps, schema["enum"]))
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(map(type_text, schema[union]))
    if "allOf" in schema:
        return " and ".join(map(type_text, schema["allOf"]))
    if schema.get("type") == "array":
        return f"list of {type_text(schema.get('items', {}))}"
    name = str(schema.get("format", schema.get("type", "anything")))
    bounds = _bounds(schema)
    return f"{name}, {bounds}" if bounds else name


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"{least} to {most}"
    if least is not None:
        return f"at least {least}"
    return "" if most is None else f"at most {most}"
