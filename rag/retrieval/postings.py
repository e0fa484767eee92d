"""Inverted lists in numpy: built at once from a batch, merged with others, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

#: 64-bit hashes, shape [terms]
Terms = npt.NDArray[np.uint64]
#: positions of passages within a segment, shape [postings]
Ordinals = npt.NDArray[np.int32]
#: how often a term occurs in a passage, shape [postings]
Counts = npt.NDArray[np.uint16]
Indices = npt.NDArray[np.intp]
#: shape [passages]
Flags = npt.NDArray[np.bool_]

_MOST = np.iinfo(np.uint16).max


class Matches(NamedTuple):
    """Postings of terms that were looked up, one term after the other; aligned, shape [found postings].

    Attributes:
        which: place of the term among those that were looked up.
        ordinals: the passage.
        counts: how often it has the term.
    """

    which: Indices
    ordinals: Ordinals
    counts: Counts

    def among(self, passages: Flags) -> Matches:
        """Those of the passages that are flagged."""
        stay = passages[self.ordinals]
        return Matches(self.which[stay], self.ordinals[stay], self.counts[stay])

    def before(self, others: Matches, terms: int) -> Matches:
        """These, of so many terms, and the others behind them."""
        return Matches(
            np.append(self.which, others.which + terms),
            np.append(self.ordinals, others.ordinals),
            np.append(self.counts, others.counts),
        )


@dataclass(frozen=True, slots=True)
class Postings:
    """For each term the passages that hold it.

    Attributes:
        terms: shape [terms], each once, ascending.
        starts: shape [terms + 1]; the postings of term i are `starts[i]:starts[i + 1]`.
        ordinals: shape [postings], ascending within a term.
        counts: shape [postings]; 65,535 stands for any higher count, of which BM25 makes the same score.
    """

    terms: Terms
    starts: Indices
    ordinals: Ordinals
    counts: Counts

    @classmethod
    def of(cls, terms: Terms, ordinals: Ordinals) -> Postings:
        """The postings of occurrences: one term and one passage each, the passages ascending."""
        order = np.argsort(terms, kind="stable")
        terms, ordinals = terms[order], ordinals[order]
        first = np.flatnonzero(begins(terms) | begins(ordinals))
        counts = np.diff(first, append=len(terms))
        return cls._indexed(terms[first], ordinals[first], np.minimum(counts, _MOST).astype(np.uint16))

    @classmethod
    def merged(cls, parts: Sequence[Postings], places: Sequence[Ordinals]) -> Postings:
        """The postings of several segments as one.

        Args:
            parts: those of each segment.
            places: for each segment, where each of its passages goes, later segments behind earlier ones; -1: nowhere.
        """
        ordinals = [place[part.ordinals] for part, place in zip(parts, places, strict=True)]
        stay = np.concatenate(ordinals) >= 0
        terms = np.concatenate([np.repeat(part.terms, np.diff(part.starts)) for part in parts])[stay]
        order = np.argsort(terms, kind="stable")
        counts = np.concatenate([part.counts for part in parts])[stay]
        return cls._indexed(terms[order], np.concatenate(ordinals)[stay][order], counts[order])

    @classmethod
    def _indexed(cls, terms: Terms, ordinals: Ordinals, counts: Counts) -> Postings:
        first = np.flatnonzero(begins(terms))
        return cls(terms[first], np.append(first, len(terms)), ordinals, counts)

    def find(self, terms: Terms) -> Matches:
        """The postings of the terms."""
        first = self.starts[self.terms.searchsorted(terms, "left")]
        end = self.starts[self.terms.searchsorted(terms, "right")]
        which = np.repeat(np.arange(len(terms)), end - first)
        spans = [slice(*span) for span in zip(first.tolist(), end.tolist(), strict=True)] or [slice(0)]
        ordinals = np.concatenate([self.ordinals[span] for span in spans])
        return Matches(which, ordinals, np.concatenate([self.counts[span] for span in spans]))

    def frequencies(self, alive: Flags) -> npt.NDArray[np.int64]:
        """In how many of the passages that are alive each term occurs, shape [terms]."""
        living = np.append(0, np.cumsum(alive[self.ordinals]))
        return np.diff(living[self.starts])


def begins(values: npt.NDArray[Any]) -> Flags:
    """Where a value differs from the one before it; the first does."""
    differs = np.ones(len(values), np.bool_)
    differs[1:] = values[1:] != values[:-1]
    return differs
