"""What a misspelt name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel


def did_you_mean(name: str, known: Iterable[str], listed: Sequence[str] | None = None) -> str:
    """A hint for whoever wrote `name`.

    Args:
        name: what nobody knows.
        known: what could have been meant.
        listed: what is told when nothing comes near; else all that is known.
    """
    names = sorted(set(known))
    close = get_close_matches(name, names)
    return f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(listed or names)}"


def field_names(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The fields that there are at `path` within a `model`, given as pydantic tells where an error is."""
    for part in path:
        field = model.model_fields.get(str(part))
        model = (_model_in(field.annotation) if field else None) or model
    return list(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model that an annotation such as `list[Model] | None` speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
