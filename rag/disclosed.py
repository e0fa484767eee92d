"""The settings as they may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rag.settings import PREFIX, Settings

_PASSWORD = re.compile(r"(?<=://)[^/\s]+@")


def disclosed(settings: Settings) -> dict[str, object]:
    """Every setting by its name in the environment, as JSON has it; without keys, and without passwords in URLs."""
    return dict(_named(settings, PREFIX))


def without_password(text: str) -> str:
    """The text, without user and password of the URLs in it."""
    return _PASSWORD.sub("***@", text)


def _named(section: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in _shown(section):
        name = f"{prefix}{key.upper()}"
        if isinstance(value, BaseModel):
            yield from _named(value, f"{name}__")
        else:
            yield name, _plain(value)


def _shown(section: BaseModel) -> Iterator[tuple[str, Any]]:
    """The fields that are no secret, which are those that stand in the section's `repr`."""
    return ((key, getattr(section, key)) for key, field in type(section).model_fields.items() if field.repr)


def _plain(value: Any) -> object:
    if isinstance(value, BaseModel):
        value = dict(_shown(value))
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, Path):
        return str(value.resolve())
    return without_password(value) if isinstance(value, str) else value
