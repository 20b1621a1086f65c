"""REST services: one table of operations becomes routes, authorisation, problem details and OpenAPI 3.1. See ``table`` for how to write one."""

from ugrpy.service.api.access import (
    ApiToken,
    ApiTokens,
    Authorise,
    Identify,
    hash_token,
    new_token,
    require_role,
)
from ugrpy.service.api.paging import Paging, page_of
from ugrpy.service.api.problem import InvalidBody, InvalidRequest, Problem, Unauthorized
from ugrpy.service.api.routes import Api, problems
from ugrpy.service.api.table import (
    PUBLIC,
    Answer,
    ApiModel,
    Call,
    Nothing,
    Operation,
    Page,
)

__all__ = [
    "PUBLIC",
    "Answer",
    "Api",
    "ApiModel",
    "ApiToken",
    "ApiTokens",
    "Authorise",
    "Call",
    "Identify",
    "InvalidBody",
    "InvalidRequest",
    "Nothing",
    "Operation",
    "Page",
    "Paging",
    "Problem",
    "Unauthorized",
    "hash_token",
    "new_token",
    "page_of",
    "problems",
    "require_role",
]
