"""What a point carries beside its vector, the same in every engine: two keyword fields, both indexed.

The space, since every query asks for exactly one, and the filterable fields with their values, each pair one JSON
text. An engine takes a boolean for an integer and refuses some names; texts it compares as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from rag.ports import Point
from rag.types import Change

SPACE, FIELDS = "space", "fields"


def payload(of: Point | Change) -> dict[str, object]:
    """The fields of a point, or of every point of a change, as they are stored."""
    fields = {**of.metadata, "document_id": of.document_id}
    return {SPACE: str(of.space), FIELDS: list(terms(fields))}


def terms(fields: Mapping[str, object]) -> Iterator[str]:
    """A keyword for each value that a filter can ask for; a list gives one for each of its values."""
    for key, value in fields.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            if isinstance(each, str | int):
                yield json.dumps([key, each])
