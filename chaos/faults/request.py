"""A fault as it comes over HTTP: `{"seam": "index:0", "kind": "latency", "delay_s": 2, "share": 0.5}`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from chaos.errors import BadRequest
from chaos.faults.error import Failure
from chaos.faults.fault import Fault
from chaos.faults.latency import Latency
from chaos.faults.stall import Stall

_KINDS: TypeAdapter[Latency | Failure | Stall] = TypeAdapter(
    Annotated[Latency | Failure | Stall, Field(discriminator="kind")]
)


def parse(body: bytes) -> Fault:
    """The fault that the JSON describes.

    Raises:
        BadRequest: it describes none; one line says why.
    """
    try:
        return _KINDS.validate_json(body)
    except ValidationError as error:
        raise BadRequest(_line(error)) from None


def _line(error: ValidationError) -> str:
    first: Any = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"][1:]))
    return f"{where}: {first['msg']}" if where else str(first["msg"])
