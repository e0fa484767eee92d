"""JSON responses by orjson."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from starlette.responses import Response


def json_response(
    content: object,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """`content`, serialised, with headers."""
    return Response(orjson.dumps(content), status, headers, media_type)
