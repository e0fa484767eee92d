"""Citations must exist: the markers in an answer, tied to the passages that were given."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.pipeline.prompt import NOT_FOUND
from rag.types import Citation, ScoredPassage

_MARKERS = re.compile(r"\s*((?:\[\d{1,3}\])+)")
_MARKER = re.compile(r"\[(\d{1,3})\]")
#: Past the marks that close the claim before.
_CLAIM_START = re.compile(r"[^\s.,;:!?。，；：！？]")


def ground(text: str, sources: Sequence[ScoredPassage]) -> tuple[Citation, ...]:
    """The citations of the answer, in order; a marker that names no source is passed over.

    A claim reaches from the end of the marker before it (or the start of the text) to the end of its own.
    """
    citations = []
    claim = 0
    for group in _MARKERS.finditer(text):
        start = _CLAIM_START.search(text, claim)
        for found in _MARKER.finditer(text, group.start(1), group.end(1)):
            number = int(found.group(1))
            if 1 <= number <= len(sources) and start is not None:
                source = sources[number - 1].passage.id
                citations.append(Citation(found.group(), source, start.start(), found.end()))
        claim = group.end()
    return tuple(citations)


def says_not_found(text: str) -> bool:
    """Whether the model followed the instruction to admit that the passages do not answer."""
    return text.strip().startswith(NOT_FOUND.rstrip("."))
