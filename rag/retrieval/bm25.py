"""The lexical index of one space: BM25 over segments of inverted lists that are added, thinned out and merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag.retrieval.fields import DEFAULT, Weights, keywords
from rag.retrieval.scoring import Query, best
from rag.retrieval.segments import Entry, Segment, compacted
from rag.retrieval.statistics import Statistics
from rag.types import Filters, Hit


@dataclass(frozen=True, slots=True)
class View:
    """The index at one moment; a search works on one view from beginning to end."""

    segments: tuple[Segment, ...]
    statistics: Statistics


class Bm25:
    """The index of one space. One thread writes at a time; any number search meanwhile."""

    def __init__(self, weights: Weights = DEFAULT) -> None:
        self._weights = weights
        self._publish(())

    def __len__(self) -> int:
        return int(self._view.statistics.corpus_size)

    def replace(self, entries: Iterable[Entry]) -> None:
        """Put each entry in the place of the document's old one; an entry without passages removes the document."""
        latest: dict[str, Entry] = {}
        for entry in entries:
            latest.pop(entry.document_id, None)  # the place of its latest entry is a document's place
            latest[entry.document_id] = entry
        segments = self._without(latest)
        stored = [entry for entry in latest.values() if entry.passage_ids]
        if stored:
            segments.append(Segment.of(stored, self._weights))
        self._publish(compacted(segments))

    def search(self, terms: Sequence[int], limit: int, filters: Filters) -> list[Hit]:
        """The `limit` best passages that share a term with the query, best first; ties by age, oldest first."""
        view, query = self._view, Query.of(terms, self._weights)
        if not view.segments or not len(query.words):
            return []
        found = list(best(view.segments, view.statistics, query, filters, limit))
        scores = np.concatenate([scores for _, scores in found])
        ids = np.concatenate([s.ids[ordinals] for s, (ordinals, _) in zip(view.segments, found, strict=True)])
        order = np.argsort(-scores, kind="stable")[:limit]
        return list(map(Hit._make, zip(_uuids(ids[order].tobytes()), scores[order].tolist(), strict=True)))

    def _without(self, document_ids: Iterable[str]) -> list[Segment]:
        segments = self._view.segments
        if not segments:  # as at start, when everything is read at once
            return []
        keys = keywords({"document_id": list(document_ids)})
        return [segment.without(keys) for segment in segments]

    def _publish(self, segments: tuple[Segment, ...]) -> None:
        self._view = View(segments, Statistics(segments, self._weights))


def _uuids(packed: bytes) -> Iterator[str]:
    """UUIDs in their usual form out of their bytes; ten times as fast as `uuid.UUID`."""
    digits = packed.hex()
    parts = (digits[i : i + 32] for i in range(0, len(digits), 32))
    return (f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}" for d in parts)
