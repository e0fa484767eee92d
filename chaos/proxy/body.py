"""Bodies of requests, read as strictly as Go's encoding/json reads them into Toxiproxy's records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chaos.errors import BadRequest
from chaos.proxy.toxics.toxic import Count, Stream

BAD_BODY, MISSING = "bad request body", "missing required field"

Toxicity = Annotated[float, Field(ge=0, le=1)]
RecordT = TypeVar("RecordT", bound=BaseModel)


class Body(BaseModel):
    """Fields of a record; names that are not known are ignored."""

    model_config = ConfigDict(strict=True)


class ProxyBody(Body):
    """A proxy, as it is created."""

    name: str = ""
    listen: str = ""
    upstream: str = ""
    enabled: bool = True

    def require(self, where: str = "") -> None:
        """Check what every proxy has.

        Args:
            where: Added to the name of what is missing.

        Raises:
            BadRequest: It has no name or no upstream.
        """
        for field in ("name", "upstream"):
            if not getattr(self, field):
                raise BadRequest(f"{MISSING}: {field}{where}")


class ToxicBody(Body):
    """A toxic, as it is added. Its attributes are checked once its type is known."""

    name: str = ""
    type: str = ""
    stream: str = Stream.DOWNSTREAM.value
    toxicity: Toxicity = 1.0
    attributes: dict[str, Any] = {}
    duration: Count = 0


class ToxicChange(Body):
    """What of a toxic can be changed."""

    toxicity: Toxicity
    attributes: dict[str, Any] = {}
    duration: Count


def decode(text: str) -> Any:
    """The first JSON value of a text; what follows it is not read, as by Go's decoder.

    Raises:
        BadRequest: There is none.
    """
    text = text.lstrip(" \t\r\n")
    if not text:
        raise BadRequest(f"{BAD_BODY}: EOF")
    try:
        value, _ = json.JSONDecoder(parse_constant=_no_number).raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{BAD_BODY}: {error}") from error
    return value


def fill(kind: type[RecordT], value: Any, defaults: Mapping[str, Any] | None = None) -> RecordT:
    """A record from a JSON object; `null`, for it or for a field, leaves the default.

    Raises:
        BadRequest: The value is no object, or a field is not of its type.
    """
    if not isinstance(value, dict | None):
        raise BadRequest(f"{BAD_BODY}: not a JSON object")
    given = {name: field for name, field in (value or {}).items() if field is not None}
    try:
        return kind.model_validate({**(defaults or {}), **given})
    except ValidationError as error:
        fault = error.errors()[0]
        raise BadRequest(f"{BAD_BODY}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
