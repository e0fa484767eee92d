"""Pseudo-relevance feedback: the best passages of a first round say what the question looks like when answered.

The question's vector is moved towards theirs (Rocchio, "Relevance feedback in information retrieval", 1971; on dense
vectors: Li et al., "Pseudo Relevance Feedback with Deep Language Models and Dense Retrievers", TOIS 2023).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.errors import DependencyFailed, SteadyragError
from rag.ports import PassageVectors, Vector

#: Weight of the passages' mean beside the question, which has 1.
BETA = 0.6


def refine(question: Vector, passages: Sequence[Vector]) -> Vector:
    """The question's unit vector, moved towards the passages'; without passages as it is."""
    if not passages:
        return question
    moved = question + BETA * np.mean(passages, axis=0)
    return np.asarray(moved / np.linalg.norm(moved), np.float32)


@dataclass(frozen=True, slots=True)
class FoundVectors:
    """The vectors of the passages that were found, and how many shards could not be asked."""

    by_passage: dict[str, Vector]
    failed: int


class ShardedVectors:
    """The vectors of passages, wherever they lie; a shard that fails gives none, and is counted."""

    def __init__(self, shards: Sequence[PassageVectors]) -> None:
        self._shards = shards

    async def vectors(self, passage_ids: Sequence[str], *, timeout_s: float) -> FoundVectors:
        """The vectors of those of the passages that the shards hold.

        Raises:
            DependencyFailed: no shard answered.
        """
        calls = (shard.vectors(passage_ids, timeout_s=timeout_s) for shard in self._shards)
        results = await asyncio.gather(*calls, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, SteadyragError):
                raise result
        found = [result for result in results if not isinstance(result, BaseException)]
        if not found:
            raise DependencyFailed("no shard of the dense index gave its vectors")
        by_passage = {passage_id: vector for part in found for passage_id, vector in part.items()}
        return FoundVectors(by_passage, len(results) - len(found))
