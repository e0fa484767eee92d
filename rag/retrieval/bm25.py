"""BM25 over the passages of one space: rank-bm25's model, scored over inverted lists instead of every document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from rank_bm25 import BM25Okapi

from rag.retrieval.postings import Bag, Segment, add_segment
from rag.types import Filters, FilterValue, Hit


class Statistics(BM25Okapi):  # type: ignore[misc]  # the library has no types
    """The corpus as `BM25Okapi` sees it: its IDF (with its floor for frequent terms) and its constants.

    Built from counts that are kept up to date, instead of from the tokenised corpus; the scores are then those of
    `BM25Okapi.get_scores` (Trotman, Puurula and Burgess 2014: the ATIRE variant).
    """

    def __init__(self, frequencies: Mapping[int, int], passages: int, length: int) -> None:
        super().__init__([[]])
        self.idf: dict[int, float] = {}
        self.corpus_size = passages
        self.avgdl = length / passages if passages else 1.0
        if frequencies:
            self._calc_idf(frequencies)

    def _calc_idf(self, nd: Mapping[int, int]) -> None:
        if nd:  # the base class divides by the size of the vocabulary
            super()._calc_idf(nd)


@dataclass(frozen=True, slots=True)
class View:
    """The index at one moment; a search works on one view from beginning to end.

    Attributes:
        norms: shape [passages], k1 * (1 - b + b * length / average length).
        alive: shape [passages], False for passages that are gone.
    """

    segments: tuple[Segment, ...] = ()
    statistics: Statistics = field(default_factory=lambda: Statistics({}, 0, 0))
    norms: npt.NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    alive: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))


class Bm25:
    """The index of one space. One thread writes at a time; any number search meanwhile."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._metadata: list[Mapping[str, object]] = []
        self._bags: list[Bag | None] = []
        self._documents: dict[str, range] = {}
        self._frequencies: Counter[int] = Counter()
        self._lengths = np.empty(0, np.int32)
        self._view = View()

    def __len__(self) -> int:
        return int(self._view.statistics.corpus_size)

    def replace(self, entries: Iterable[Entry]) -> None:
        """Put each entry in the place of the document's old one; an entry without passages removes the document."""
        alive = self._view.alive.copy()
        latest: dict[str, Entry] = {}
        for entry in entries:
            latest.pop(entry.document_id, None)  # the place of its latest entry is a document's place
            latest[entry.document_id] = entry
        for document_id in latest:
            for ordinal in self._documents.pop(document_id, ()):
                self._forget(ordinal, alive)
        first = len(self._ids)
        bags = [bag for entry in latest.values() for bag in self._append(entry)]
        self._count(bags)
        self._lengths = np.concatenate([self._lengths, np.array([bag.length for bag in bags], np.int32)])
        alive = np.concatenate([alive, np.ones(len(bags), np.bool_)])
        segments = add_segment(self._view.segments, Segment.of(first, bags), alive) if bags else self._view.segments
        self._publish(segments, alive)

    def search(self, terms: Sequence[int], limit: int, filters: Filters) -> list[Hit]:
        """The `limit` best passages that share a term with the query, best first; ties by age, oldest first."""
        view = self._view
        scores, found = self._scores(view, terms)
        if filters:
            matching = [self._matches(ordinal, filters) for ordinal in found.tolist()]
            found = found[np.array(matching, np.bool_)]
        if len(found) > limit:
            least = -np.partition(-scores[found], limit - 1)[limit - 1]
            found = found[scores[found] >= least]
        best = found[np.lexsort((found, -scores[found]))][:limit]
        return [Hit(self._ids[ordinal], float(scores[ordinal])) for ordinal in best.tolist()]

    @staticmethod
    def _scores(view: View, terms: Sequence[int]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
        """Scores, shape [passages], and which passages share a term: of two, half have it, and its IDF is 0."""
        statistics = view.statistics
        scores = np.zeros(len(view.alive), np.float32)
        shared = np.zeros(len(view.alive), np.bool_)
        for term, repeats in Counter(terms).items():
            weight = repeats * statistics.idf.get(term, 0.0) * (statistics.k1 + 1)
            for segment in view.segments:
                place = segment.find(term)
                ordinals, counts = segment.ordinals[place], segment.counts[place]
                scores[ordinals] += weight * counts / (counts + view.norms[ordinals])
                shared[ordinals] = True
        return scores, np.flatnonzero(shared & view.alive)

    def _append(self, entry: Entry) -> Sequence[Bag]:
        first = len(self._ids)
        self._ids.extend(entry.passage_ids)
        self._metadata.extend([entry.metadata] * len(entry.bags))
        self._bags.extend(entry.bags)
        self._documents[entry.document_id] = range(first, len(self._ids))
        return entry.bags

    def _count(self, bags: Sequence[Bag]) -> None:
        """Count in how many passages each term occurs: a bag holds each of its terms once."""
        if bags:
            terms, counts = np.unique(np.concatenate([bag.terms for bag in bags]), return_counts=True)
            self._frequencies.update(dict(zip(terms.tolist(), counts.tolist(), strict=True)))

    def _forget(self, ordinal: int, alive: npt.NDArray[np.bool_]) -> None:
        bag = self._bags[ordinal]
        alive[ordinal] = False
        self._bags[ordinal] = None
        for term in bag.terms.tolist() if bag else ():
            self._frequencies[term] -= 1
            if not self._frequencies[term]:
                del self._frequencies[term]

    def _publish(self, segments: tuple[Segment, ...], alive: npt.NDArray[np.bool_]) -> None:
        lengths = self._lengths
        statistics = Statistics(self._frequencies, int(alive.sum()), int(lengths[alive].sum()))
        k1, b = statistics.k1, statistics.b
        norms = (k1 * (1 - b + b * lengths / (statistics.avgdl or 1.0))).astype(np.float32)
        self._view = View(segments, statistics, norms, alive)

    def _matches(self, ordinal: int, filters: Filters) -> bool:
        return matches(self._metadata[ordinal], filters)


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as the index takes it in: passage ids and bags are aligned; both empty when it is gone."""

    document_id: str
    passage_ids: Sequence[str]
    bags: Sequence[Bag]
    metadata: Mapping[str, object]


def matches(metadata: Mapping[str, object], filters: Filters) -> bool:
    """Whether every filtered field has the value, or one of the values, asked for (a list field: contains one)."""
    return all(_holds(metadata.get(key), wanted) for key, wanted in filters.items())


def _holds(value: object, wanted: FilterValue | Sequence[FilterValue]) -> bool:
    values = value if isinstance(value, list | tuple) else [value]
    allowed = [wanted] if isinstance(wanted, str | int) else wanted
    return any(type(v) is type(w) and v == w for v in values for w in allowed)
