"""What BM25 must know of a corpus as a whole, over counts that are taken when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from rank_bm25 import BM25Okapi

from rag.retrieval.fields import Weights
from rag.retrieval.postings import Counts
from rag.retrieval.segments import Segment


class Statistics(BM25Okapi):  # type: ignore[misc]  # the library has no types
    """The corpus as `BM25Okapi` sees it (Trotman, Puurula and Burgess 2014: the ATIRE variant).

    Its IDF, with its floor for words of more than half of the passages, is computed from the postings when a search
    asks for it: a write costs nothing for the words that it does not touch. The floor takes a walk through the
    vocabulary, once for each state of the index, and only when a question has such a word.
    """

    corpus_size: int
    avgdl: float
    k1: float
    b: float
    epsilon: float

    def __init__(self, segments: Sequence[Segment], weights: Weights) -> None:
        super().__init__([[]], k1=weights.k1, b=weights.b, epsilon=weights.epsilon)
        self._segments = segments
        self.corpus_size = sum(segment.passages for segment in segments)
        length = sum(int(segment.lengths[segment.alive].sum()) for segment in segments)
        self.avgdl = length / self.corpus_size if length else 1.0

    def _calc_idf(self, nd: object) -> None:
        """Leave the IDF until it is asked for."""

    def idf_of(self, frequencies: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The IDF of terms that occur in so many passages each, same shape."""
        idf = self._unbounded(frequencies)
        frequent = idf < 0
        if frequent.any():
            idf[frequent] = self.epsilon * self.average_idf
        return idf

    @cached_property
    def average_idf(self) -> float:
        """The mean over all words, before the floor."""
        terms = np.concatenate([segment.words.terms for segment in self._segments])
        counts = np.concatenate([segment.words.frequencies(segment.alive) for segment in self._segments])
        frequencies = np.bincount(np.unique(terms, return_inverse=True)[1], counts)
        return float(self._unbounded(frequencies[frequencies > 0]).mean())

    def saturated(self, counts: Counts, lengths: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
        """What so many occurrences in passages of such lengths weigh, 0 to k1 + 1; same shape."""
        norms = self.k1 * (1 - self.b + self.b / self.avgdl * lengths)
        return counts.astype(np.float64) * (self.k1 + 1) / (counts + norms)

    def _unbounded(self, frequencies: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        idf: npt.NDArray[np.float64] = np.log(self.corpus_size - frequencies + 0.5) - np.log(frequencies + 0.5)
        return idf
