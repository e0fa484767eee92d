"""Inverted lists in numpy, built batch by batch and merged as they grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Terms = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int32]

#: Segments are merged while the older of the last two is less than this many times larger.
MERGE_RATIO = 4


@dataclass(frozen=True, slots=True)
class Bag:
    """One passage as a bag of words: its distinct terms, how often each occurs, and its length in terms."""

    terms: Terms
    counts: Counts
    length: int

    @classmethod
    def of(cls, terms: Sequence[int]) -> Bag:
        """The bag of a sequence of terms."""
        distinct, counts = np.unique(np.array(terms, np.uint64), return_counts=True)
        return cls(distinct, counts.astype(np.int32), len(terms))


@dataclass(frozen=True, slots=True)
class Segment:
    """Postings sorted by term, then by passage: three aligned arrays of the same length.

    Attributes:
        terms: the term of each posting, ascending.
        ordinals: the passage of each posting.
        counts: how often the term occurs in the passage.
    """

    terms: Terms
    ordinals: Counts
    counts: Counts

    @classmethod
    def of(cls, first: int, bags: Sequence[Bag]) -> Segment:
        """The postings of passages `first`, `first + 1`, ..."""
        sizes = [len(bag.terms) for bag in bags]
        ordinals = np.repeat(np.arange(first, first + len(bags), dtype=np.int32), sizes)
        terms = np.concatenate([bag.terms for bag in bags]) if bags else np.empty(0, np.uint64)
        counts = np.concatenate([bag.counts for bag in bags]) if bags else np.empty(0, np.int32)
        return cls._sorted(terms, ordinals, counts)

    @classmethod
    def merged(cls, segments: Sequence[Segment], alive: npt.NDArray[np.bool_]) -> Segment:
        """One segment of several, without the postings of passages that are gone."""
        ordinals = np.concatenate([segment.ordinals for segment in segments])
        keep = alive[ordinals]
        terms = np.concatenate([segment.terms for segment in segments])[keep]
        counts = np.concatenate([segment.counts for segment in segments])[keep]
        return cls._sorted(terms, ordinals[keep], counts)

    @classmethod
    def _sorted(cls, terms: Terms, ordinals: Counts, counts: Counts) -> Segment:
        order = np.argsort(terms, kind="stable")
        return cls(terms[order], ordinals[order], counts[order])

    def find(self, term: int) -> slice:
        """Where the postings of `term` stand."""
        key = np.uint64(term)
        return slice(int(self.terms.searchsorted(key, "left")), int(self.terms.searchsorted(key, "right")))


def add_segment(segments: Sequence[Segment], segment: Segment, alive: npt.NDArray[np.bool_]) -> tuple[Segment, ...]:
    """The segments with one more; small neighbours are merged, so that a query visits a logarithmic number."""
    merged = [*segments, segment]
    while len(merged) > 1 and len(merged[-2].terms) < MERGE_RATIO * len(merged[-1].terms):
        merged[-2:] = [Segment.merged(merged[-2:], alive)]
    return tuple(merged)
