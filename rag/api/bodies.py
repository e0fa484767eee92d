"""Reading a request's body: bounded, parsed once, with errors that say where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from rag.errors import InvalidRequest, PayloadTooLarge
from rag.spelling import did_you_mean, field_names

M = TypeVar("M", bound=BaseModel)


async def read_bytes(request: Request, limit: int) -> bytes:
    """The body.

    Raises:
        PayloadTooLarge: it is longer than `limit` bytes; the rest is not read.
        InvalidRequest: it is compressed: a kilobyte of it could become a gigabyte.
    """
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise InvalidRequest("compressed bodies are not read; send it without Content-Encoding")
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


async def read_json(request: Request, model: type[M], limit: int) -> M:
    """The body as a `model`.

    Raises:
        InvalidRequest: it is no JSON, or does not fit the model.
        PayloadTooLarge: it is longer than `limit` bytes.
    """
    return parse_json(await read_bytes(request, limit), model)


def parse_json(body: bytes, model: type[M]) -> M:
    """`body` as a `model`."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _misfit(error, model) from None


def parse_fields(fields: Mapping[str, object], model: type[M]) -> M:
    """`fields` as a `model`, with the errors that the same fields have as JSON."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise _misfit(error, model) from None


def unknown_field(field: str, known: Iterable[str]) -> InvalidRequest:
    """The error for a field that nobody knows; `field` says where it stands, its last part how it is called."""
    hint = did_you_mean(field.rpartition(".")[2], known)
    return InvalidRequest(f"{field}: there is no such field; {hint}", param=field)


def _misfit(error: ValidationError, model: type[BaseModel]) -> InvalidRequest:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    if field and first["type"] == "extra_forbidden":
        return unknown_field(field, field_names(model, first["loc"][:-1]))
    return InvalidRequest(f"{field}: {first['msg']}" if field else first["msg"], param=field)


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body is larger than {limit:,} bytes; send less, or several requests")


def schema_of(model: type[BaseModel]) -> dict[str, object]:
    """The `openapi_extra` that documents a body which the route reads by itself."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def component_schemas(*models: type[BaseModel]) -> dict[str, object]:
    """The schemas that `schema_of` refers to, for the document's components."""
    components: dict[str, object] = {}
    for model in models:
        components |= model.model_json_schema(ref_template="#/components/schemas/{model}").get("$defs", {})
    return components
