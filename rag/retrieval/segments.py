"""Passages and their postings in pieces that do not change: a batch makes a small one, small ones are merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from uuid import UUID

import numpy as np
import numpy.typing as npt

from rag.retrieval.fields import Weights, keywords, phrases
from rag.retrieval.postings import Flags, Matches, Ordinals, Postings, Terms, begins

#: Segments are merged while the older of two neighbours is less than this many times larger.
MERGE_RATIO = 4
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as the index takes it in, each column packed as it is kept on disk; all empty when it is gone.

    Attributes:
        passage_ids: 16 bytes each, as `UUID.bytes`.
        sizes: int32, shape [passages, 2]: how many terms title and headings have, and how many the text.
        terms: uint64, one passage after the other, its title and headings before its text.
        keywords: uint64, what filters can ask for (`rag.retrieval.fields.keywords`), the document's id included.
    """

    document_id: str
    passage_ids: bytes
    sizes: bytes
    terms: bytes
    keywords: bytes

    @classmethod
    def of(
        cls,
        document_id: str,
        passage_ids: Iterable[str],
        parts: Iterable[tuple[Sequence[int], Sequence[int]]],
        metadata: Mapping[str, object],
    ) -> Entry:
        """Pack a document; of each passage the terms of title and headings, and those of the text."""
        columns = [part for passage in parts for part in passage]
        return cls(
            document_id,
            b"".join(UUID(passage_id).bytes for passage_id in passage_ids),
            np.array([len(part) for part in columns], np.int32).tobytes(),
            np.fromiter(chain.from_iterable(columns), np.uint64).tobytes(),
            keywords({**metadata, "document_id": document_id}).tobytes(),
        )

    @property
    def passages(self) -> int:
        """How many there are."""
        return len(self.passage_ids) // _ID_BYTES


@dataclass(frozen=True, slots=True)
class Segment:
    """Passages in the order of their age.

    Attributes:
        ids: 16 bytes each, shape [passages].
        lengths: in terms, those of the title as often as they count; shape [passages].
        begins: whether the passage is the first of its document; shape [passages].
        alive: False for passages that are gone; shape [passages].
        words, phrases, keywords: what finds them.
    """

    ids: npt.NDArray[np.void]
    lengths: npt.NDArray[np.int32]
    begins: Flags
    alive: Flags
    words: Postings
    phrases: Postings
    keywords: Postings

    @classmethod
    def of(cls, entries: Sequence[Entry], weights: Weights) -> Segment:
        """The passages of the entries, all alive.

        Raises:
            ValueError: the columns of an entry do not fit together.
        """
        passages = [entry.passages for entry in entries]
        sizes = np.frombuffer(b"".join(entry.sizes for entry in entries), np.int32).reshape(-1, 2)
        terms = np.frombuffer(b"".join(entry.terms for entry in entries), np.uint64)
        if passages != [len(entry.sizes) // 8 for entry in entries] or sizes.sum() != len(terms):
            raise ValueError("the columns do not fit together")
        # even: title and headings of a passage; odd: its text
        part = np.repeat(np.arange(sizes.size, dtype=np.int32), sizes.ravel())
        ordinals = part // 2
        repeats = np.where(part % 2, 1, weights.title)
        return cls(
            ids=np.frombuffer(b"".join(entry.passage_ids for entry in entries), f"V{_ID_BYTES}"),
            lengths=(sizes @ np.array([weights.title, 1])).astype(np.int32),
            begins=begins(np.repeat(np.arange(len(entries)), passages)),
            alive=np.ones(len(sizes), np.bool_),
            words=Postings.of(np.repeat(terms, repeats), np.repeat(ordinals, repeats)),
            phrases=_phrases(terms, part, ordinals) if weights.phrase else NOTHING,
            keywords=_keywords(entries, passages),
        )

    @classmethod
    def merged(cls, segments: Sequence[Segment]) -> Segment:
        """One segment of several neighbours, without the passages that are gone."""
        alive = np.concatenate([segment.alive for segment in segments])
        place = np.where(alive, np.cumsum(alive) - 1, -1).astype(np.int32)
        places = np.split(place, np.cumsum([len(segment.alive) for segment in segments])[:-1])
        return cls(
            ids=np.concatenate([segment.ids for segment in segments])[alive],
            lengths=np.concatenate([segment.lengths for segment in segments])[alive],
            begins=np.concatenate([segment.begins for segment in segments])[alive],
            alive=np.ones(np.count_nonzero(alive), np.bool_),
            words=Postings.merged([segment.words for segment in segments], places),
            phrases=Postings.merged([segment.phrases for segment in segments], places),
            keywords=Postings.merged([segment.keywords for segment in segments], places),
        )

    @property
    def passages(self) -> int:
        """How many are alive."""
        return int(np.count_nonzero(self.alive))

    def without(self, keys: Terms) -> Segment:
        """The segment without the passages that have one of the keywords."""
        gone = self.keywords.find(keys).ordinals
        if not len(gone):
            return self
        alive = self.alive.copy()
        alive[gone] = False
        return replace(self, alive=alive)

    def find(self, words: Terms, phrases: Terms) -> Matches:
        """The words' postings, behind them the phrases'; only of passages that are alive."""
        found = self.words.find(words)
        if len(phrases):
            found = found.before(self.phrases.find(phrases), len(words))
        return found if self.alive.all() else found.among(self.alive)


def compacted(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The same passages in few segments, each several times larger than the next, and more than half of each alive.

    A passage is copied a number of times that grows with the logarithm of the passages, which is what a batch costs
    on average however large the index is (as in O'Neil et al. 1996, the log-structured merge tree).
    """
    done: list[Segment] = []
    for segment in segments:
        if not segment.passages:
            continue
        done.append(segment if 2 * segment.passages > len(segment.alive) else Segment.merged([segment]))
        while len(done) > 1 and done[-2].passages < MERGE_RATIO * done[-1].passages:
            done[-2:] = [Segment.merged(done[-2:])]
    return tuple(done)


NOTHING = Postings.of(np.empty(0, np.uint64), np.empty(0, np.int32))


def _phrases(terms: Terms, part: Ordinals, ordinals: Ordinals) -> Postings:
    """Of each part by itself: the title's last word and the text's first are no phrase."""
    inside = part[1:] == part[:-1]
    return Postings.of(phrases(terms)[inside], ordinals[1:][inside])


def _keywords(entries: Sequence[Entry], passages: Sequence[int]) -> Postings:
    """Each passage has the keywords of its document."""
    packed = b"".join(entry.keywords * count for entry, count in zip(entries, passages, strict=True))
    sizes = np.repeat([len(entry.keywords) // 8 for entry in entries], passages)
    return Postings.of(np.frombuffer(packed, np.uint64), np.repeat(np.arange(len(sizes), dtype=np.int32), sizes))
