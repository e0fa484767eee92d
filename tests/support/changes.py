"""Entries of the document log, in few words."""

from __future__ import annotations

import hashlib
from uuid import NAMESPACE_OID, uuid5

from rag.types import Change, Passage, Space

SPACE = Space("default", "docs")
OTHER_TENANT = Space("other", "docs")
OTHER_COLLECTION = Space("default", "more")


def passage_id(document_id: str, text: str, space: Space = SPACE) -> str:
    """The id that `change` gives the passage."""
    return str(uuid5(NAMESPACE_OID, f"{space}\n{document_id}\n{text}"))


def change(
    document_id: str, *texts: str, space: Space = SPACE, title: str = "", seq: int = 0, **metadata: object
) -> Change:
    """A document that has one passage for each text; without texts, its deletion."""
    passages = tuple(
        Passage(
            id=passage_id(document_id, text, space),
            document_id=document_id,
            ordinal=ordinal,
            text=text,
            title=title,
            heading="Part",
            url=f"https://example.org/{document_id}",
            tokens=len(text.split()),
            metadata=metadata,
        )
        for ordinal, text in enumerate(texts)
    )
    digest = hashlib.blake2b("\n".join(texts).encode(), digest_size=8).hexdigest() if texts else ""
    url = f"https://example.org/{document_id}" if texts else None
    return Change(space, document_id, digest, passages, title, url, metadata, seq)
