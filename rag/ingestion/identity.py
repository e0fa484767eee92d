"""Names that depend on content alone, so that ingesting the same thing again changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from uuid import UUID

from rag.types import Document, Space

#: Raised with every change of the cutting that gives other passages, so that documents are ingested again.
CHUNKING_VERSION = 1


def passage_id(space: Space, document: Document, heading: str, text: str, occurrence: int) -> str:
    """The passage's id as a UUID string: a hash of all that the indexes keep of it.

    Args:
        space: tenant and collection.
        document: the document; its id, title, URL and metadata shape the passage, its other passages do not.
        heading: the headings above the passage, as `Passage.heading` has them.
        text: the passage's text.
        occurrence: how many passages before this one in the document have the same heading and text.
    """
    parts = (space.tenant, space.collection, document.id, *_described(document), heading, text, str(occurrence))
    return str(UUID(bytes=_digest(parts)))


def document_digest(document: Document) -> str:
    """Hash of everything that shapes the document's passages except its id: 32 hex digits."""
    return _digest((*_described(document), document.text, document.format, str(CHUNKING_VERSION))).hex()


def _described(document: Document) -> tuple[str, str, str]:
    """What is said of the document as a whole."""
    metadata = json.dumps(dict(document.metadata), sort_keys=True)
    return document.title, "" if document.url is None else f"url:{document.url}", metadata


def _digest(parts: Iterable[str]) -> bytes:
    """BLAKE2b (RFC 7693) of the parts, each with its length before it, so that no two lists of parts read alike."""
    state = blake2b(digest_size=16)
    for part in parts:
        data = part.encode()
        state.update(len(data).to_bytes(8, "big"))
        state.update(data)
    return state.digest()
