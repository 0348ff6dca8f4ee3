"""/v1/openapi.json (OpenAPI 3.1), made of the routes and of the structs that they take and give."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from services.api.bodies import Problem
from services.api.http import Route

_PARAMETER = re.compile(r"{(\w+)}")


def document(routes: Sequence[Route], version: str) -> bytes:
    types = [t for route in routes for t in (route.body, route.answer) if t is not None]
    schemas, components = msgspec.json.schema_components(
        [*types, Problem], ref_template="#/components/schemas/{name}"
    )
    by_type = dict(zip([*types, Problem], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Yubin",
                "version": version,
                "description": "Sending, tracking, administration, mailboxes.",
            },
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _operation(route: Route, schemas: dict[type, dict[str, Any]]) -> dict[str, Any]:
    told = inspect.getdoc(route.handler) or ""
    parameters = [(name, "path") for name in _PARAMETER.findall(route.path)]
    parameters += [(name, "query") for name in route.query]
    good: dict[str, Any] = {"description": "Done"}
    if route.gives:
        good["content"] = {route.gives: {}}
    elif route.status != 204:
        good["content"] = {"application/json": {"schema": schemas[route.answer]}}
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": told.partition("\n")[0],
        "description": told,
        "parameters": [
            {"name": name, "in": where, "required": where == "path", "schema": {"type": "string"}}
            for name, where in parameters
        ],
        "responses": {
            str(route.status): good,
            "default": {
                "description": "What went wrong",
                "content": {"application/problem+json": {"schema": schemas[Problem]}},
            },
        },
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[route.body]}},
        }
    elif route.takes:
        operation["requestBody"] = {"required": True, "content": {route.takes: {}}}
        key = {"name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"}}
        operation["parameters"].append(key)
    return operation
