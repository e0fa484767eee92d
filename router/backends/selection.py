"""Which sentences make the answer, within a number of words and of citations."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from router.backends.evidence import Candidate
from router.backends.question import UNSPACED

_WORD = re.compile(rf"[^\s{UNSPACED}]+|[{UNSPACED}]")
#: Below this a cut sentence says too little to be worth its citation.
_MIN_CUT_WORDS = 8
#: A further sentence must have this chance to add something; more of them would cite more of what is beside the point.
_MIN_GAIN = 0.05


@dataclass(frozen=True, slots=True)
class Quote:
    """A candidate, cut to its first `words` words if it has more."""

    candidate: Candidate
    words: int

    @property
    def text(self) -> str:
        """What is quoted, with "…" where it was cut."""
        words = list(_WORD.finditer(self.candidate.text))
        if len(words) <= self.words:
            return self.candidate.text
        return self.candidate.text[: words[self.words - 1].end()] + "…"


def select(
    candidates: Sequence[Candidate], probabilities: Sequence[float], *, max_words: int, max_citations: int
) -> list[Quote]:
    """The quotes of the answer, most telling first.

    Each step takes the sentence that gains most: its chance to hold the answer and, for an excerpt not cited yet, also
    the chance that this excerpt holds it. So a second and third source are quoted only when in doubt.

    Args:
        candidates: the sentences to choose from.
        probabilities: chance of each to hold the answer; they sum to 1.
        max_words: bound of the answer, each citation counted as a word.
        max_citations: bound of the distinct excerpts quoted.
    """
    offers = _Offers(candidates, probabilities, max_words, max_citations)
    quotes: list[Quote] = []
    while (offer := offers.best()) and (offer.gain >= _MIN_GAIN or not quotes):
        quotes.append(offers.take(offer))
    return quotes


class _Offer(NamedTuple):
    gain: float
    position: int
    words: int


class _Offers:
    """What may be quoted next, given what is quoted already."""

    def __init__(
        self, candidates: Sequence[Candidate], probabilities: Sequence[float], max_words: int, max_citations: int
    ) -> None:
        self._candidates = candidates
        self._probabilities = probabilities
        self._lengths = [len(_WORD.findall(candidate.text)) for candidate in candidates]
        self._left = sorted(range(len(candidates)), key=lambda index: -probabilities[index])
        self._room = max_words
        self._citations = max_citations
        self._cited: set[int] = set()
        #: excerpt not cited yet -> its best sentence, and the chance that any of its sentences holds the answer
        self._lead: dict[int, int] = {}
        self._chance: dict[int, float] = defaultdict(float)
        for index in self._left:
            self._lead.setdefault(candidates[index].excerpt, index)
            self._chance[candidates[index].excerpt] += probabilities[index]

    def best(self) -> _Offer | None:
        return max(self._all(), key=lambda offer: offer.gain, default=None)

    def take(self, offer: _Offer) -> Quote:
        candidate = self._candidates[offer.position]
        self._left.remove(offer.position)
        self._cited.add(candidate.excerpt)
        self._room -= offer.words + 1
        return Quote(candidate, offer.words)

    def _all(self) -> Iterator[_Offer]:
        room = self._room - 1
        for index in self._left:
            excerpt, words, chance = self._candidates[index].excerpt, self._lengths[index], self._probabilities[index]
            if excerpt in self._cited:
                if words <= room:
                    yield _Offer(chance, index, words)
            elif (
                len(self._cited) < self._citations
                and index == self._lead[excerpt]
                and room >= min(words, _MIN_CUT_WORDS)
            ):
                yield _Offer(chance + self._chance[excerpt], index, min(words, room))
