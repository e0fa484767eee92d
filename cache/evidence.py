"""Does the evidence for the question that is asked agree with the stored answer?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from cache.changes import Document


@dataclass(frozen=True, slots=True)
class Support:
    """What a stored answer rests on. Ids are derived from content: a passage that changes loses its id.

    Attributes:
        sources: ids of all passages that the answer was written from.
        cited: those among them that it cites.
        documents: the documents that these passages are of; when one of them changes the answer dies.
    """

    sources: frozenset[str]
    cited: frozenset[str]
    documents: frozenset[Document] = frozenset()


class Evidence(Protocol):
    """What retrieval says of the question that is asked; the cache asks only for candidates that passed all else."""

    async def ranking(self) -> Sequence[str] | None:
        """Ids of the passages for the question, best first; None when retrieval did not answer in full."""

    async def all_exist(self, passage_ids: Collection[str]) -> bool:
        """Whether every one of the passages is still there, unchanged; False when that cannot be found out."""


def agrees(support: Support, ranking: Sequence[str]) -> bool:
    """Whether the passages that the answer cites still rank for the question, and nothing unknown to it above them.

    A passage that the answer was not written from and that ranks above one it cites may say otherwise: it is new, or
    the question is another one.
    """
    places = [place for place, passage_id in enumerate(ranking) if passage_id in support.cited]
    if not support.cited or len(places) < len(support.cited):
        return False
    return support.sources.issuperset(ranking[: places[-1] + 1])
