"""What went wrong, as problem+json (RFC 9457)."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.api.bodies import Problem
from yubin.errors import Failure


def problem(failure: Failure) -> Response:
    response = _problem(type(failure).__name__, failure.http, failure.text, failure.enhanced)
    if failure.http == 401:
        response.headers["www-authenticate"] = "Bearer"
    if failure.http in {429, 503}:
        response.headers["retry-after"] = "5"
    return response


def _problem(title: str, status: int, detail: str, enhanced: str) -> Response:
    body = Problem(
        type=f"urn:yubin:failure:{title}", title=title, status=status, detail=detail, enhanced=enhanced
    )
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


def unrouted(request: Request, error: HTTPException) -> Response:
    """Of a path or a method that nobody serves."""
    status = error.status_code
    title = {404: "NotFound", 405: "MethodNotAllowed"}.get(status, "Error")
    detail = f"{request.method} is not served there" if status == 405 else "there is nothing at this path"
    return _problem(title, status, detail, "5.1.1" if status == 404 else "5.5.1")
