"""The BM25 scores of the passages of an index, segment by segment, and the best among them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rag.retrieval.fields import Weights, keywords, phrases
from rag.retrieval.postings import Flags, Indices, Ordinals, Terms
from rag.retrieval.segments import Segment
from rag.retrieval.statistics import Statistics
from rag.types import Filters

#: shape [passages]
Scores = npt.NDArray[np.float64]

#: So many passages share a bound when the best are looked for.
BLOCK = 16


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for.

    Attributes:
        words, phrases: each once.
        weights: of the words, behind them of the phrases.
        neighbour: the share of a neighbour's score.
    """

    words: Terms
    phrases: Terms
    weights: npt.NDArray[np.float64]
    neighbour: float

    @classmethod
    def of(cls, terms: Sequence[int], weights: Weights) -> Query:
        """The words of a question, and its phrases if they weigh anything."""
        sequence = np.array(terms, np.uint64)
        words, repeats = np.unique(sequence, return_counts=True)
        pairs, pair_repeats = np.unique(phrases(sequence)[: None if weights.phrase else 0], return_counts=True)
        return cls(words, pairs, np.append(repeats, weights.phrase * pair_repeats), weights.neighbour)


def best(
    segments: Sequence[Segment], statistics: Statistics, query: Query, filters: Filters, limit: int
) -> Iterator[tuple[Indices, Scores]]:
    """Of each segment the `limit` best passages that share a term with the query, and their scores, best first."""
    matches = [segment.find(query.words, query.phrases) for segment in segments]
    frequencies = np.sum([np.bincount(found.which, minlength=len(query.weights)) for found in matches], axis=0)
    weights = query.weights * statistics.idf_of(frequencies)
    for segment, found in zip(segments, matches, strict=True):
        allowed = found.among(_allowed(segment, filters)) if filters else found
        saturated = statistics.saturated(allowed.counts, segment.lengths[allowed.ordinals])
        scores = np.bincount(allowed.ordinals, weights[allowed.which] * saturated, minlength=len(segment.ids))
        yield _best_of(segment, scores.astype(np.float64, copy=False), allowed.ordinals, limit, query.neighbour)


def _best_of(segment: Segment, scores: Scores, found: Ordinals, limit: int, neighbour: float) -> tuple[Indices, Scores]:
    few = candidates(scores, found, limit, neighbour)
    total = scores[few] + neighbour * better_neighbour(scores, segment.begins, few)
    order = np.argsort(-total, kind="stable")[:limit]
    return few[order], total[order]


def candidates(scores: Scores, found: Ordinals, limit: int, neighbour: float) -> Indices:
    """Passages among which the `limit` best are, ascending: usually few, of which no other is found to be better.

    The `limit`-th best of the blocks' best scores is one that the best passages at least reach. Of those below it, a
    neighbour's share can lift none whose score lies further below it than the highest share.

    Args:
        scores: of all passages, 0 for one that is not found.
        found: the passages that are, in any order, repeated ones included.
        limit: how many are wanted.
        neighbour: what share of a neighbour's score counts.
    """
    blocks = len(scores) // BLOCK
    if blocks >= limit:
        tops = scores[: blocks * BLOCK].reshape(BLOCK, blocks).max(axis=0)
        least = np.partition(tops, -limit)[-limit] - neighbour * scores.max()
        if least > 0:
            return np.flatnonzero(scores >= least)
    flags = np.zeros(len(scores), np.bool_)
    flags[found] = True
    return np.flatnonzero(flags)


def better_neighbour(scores: Scores, begins: Flags, found: Indices) -> Scores:
    """The higher score of the passages before and behind in the document, 0 without any; shape of `found`."""
    before = np.where(begins[found], 0, scores[found - 1])
    behind = np.where(np.append(begins, True)[found + 1], 0, scores[np.minimum(found + 1, len(scores) - 1)])
    return np.maximum(np.maximum(before, behind), 0)


def _allowed(segment: Segment, filters: Filters) -> Flags:
    """Of which passages every filtered field has the value, or one of the values, asked for."""
    allowed = np.ones(len(segment.ids), np.bool_)
    for key, wanted in filters.items():
        holds = np.zeros_like(allowed)
        holds[segment.keywords.find(keywords({key: wanted})).ordinals] = True
        allowed &= holds
    return allowed
