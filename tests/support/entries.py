"""Documents as the lexical index takes them in, in few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import NAMESPACE_OID, uuid5

from rag.retrieval.segments import Entry

Terms = list[int]


def passage_id(document_id: str, number: int, terms: Sequence[int], title: Sequence[int] = ()) -> str:
    """The id that `entry` gives the passage."""
    return str(uuid5(NAMESPACE_OID, f"{document_id}\n{number}\n{list(title)}\n{list(terms)}"))


def entry(
    document_id: str,
    passages: Sequence[Sequence[int]],
    metadata: Mapping[str, object] | None = None,
    title: Sequence[int] = (),
) -> Entry:
    """A document of such passages, each with the title above it; its deletion without any."""
    names = [passage_id(document_id, n, terms, title) for n, terms in enumerate(passages)]
    return Entry.of(document_id, names, [(title, terms) for terms in passages], metadata or {})
