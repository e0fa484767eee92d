"""Which words of two questions answer each other, and which are left over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cache.lexicon import english
from cache.question import Parsed, Term
from cache.spelling import mended

#: Words that one is written from or abbreviates, at most.
_MAX_PARTS = 5
#: A text counts as retold from this many terms on, with this many of its own in either question.
MIN_RETOLD_TERMS, MIN_RETOLD_LEFT = 6, 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions laid side by side, slips of the finger mended.

    Attributes:
        matches: (place in `asked.terms`, place in `stored.terms`) of terms that mean the same.
        left_asked: terms of the new question that nothing in the stored one answers; `left_stored` the other way.
        mended: whether there was a slip.
    """

    asked: Parsed
    stored: Parsed
    matches: tuple[tuple[int, int], ...]
    left_asked: tuple[Term, ...]
    left_stored: tuple[Term, ...]
    mended: bool

    @property
    def slips_alone(self) -> bool:
        """Whether the questions differ by slips of the finger and no more than frames, letter case and marks else."""
        return self.mended and self.asked.wording == self.stored.wording

    @property
    def retold(self) -> bool:
        """Whether two long texts differ in many places: no slot was changed, the story was told anew."""
        long = min(len(self.asked.terms), len(self.stored.terms)) >= MIN_RETOLD_TERMS
        return long and min(len(self.left_asked), len(self.left_stored)) >= MIN_RETOLD_LEFT

    @property
    def left(self) -> tuple[Term, ...]:
        """What either question has alone."""
        return self.left_asked + self.left_stored


def align(asked: Parsed, stored: Parsed) -> Pair:
    """Match terms one to one, slips of the finger mended: equal words, synonyms and families, compounds, acronyms."""
    lexicon = english()
    asked, stored, slips = mended(asked, stored)
    first, second = dict(enumerate(asked.terms)), dict(enumerate(stored.terms))
    matches: list[tuple[int, int]] = []
    tests: tuple[Callable[[Term, Term], bool], ...] = (
        lambda one, other: one.lemma == other.lemma,
        lambda one, other: lexicon.related(one.lemma, other.lemma),
    )
    for same in tests:
        matches += _one_to_one(first, second, same)
    matches += _compounds(first, second)
    matches += [(i, j) for j, i in _compounds(second, first)]
    return Pair(asked, stored, tuple(matches), tuple(first.values()), tuple(second.values()), slips)


def _one_to_one(
    first: dict[int, Term], second: dict[int, Term], same: Callable[[Term, Term], bool]
) -> Iterator[tuple[int, int]]:
    """Take out of both what is the same, each term once."""
    for i, term in list(first.items()):
        for j, other in second.items():
            if same(term, other):
                del first[i], second[j]
                yield i, j
                break


def _compounds(wholes: dict[int, Term], parts: dict[int, Term]) -> Iterator[tuple[int, int]]:
    """One word against neighbours that it is written from (database, data base) or abbreviates (WHO)."""
    for i, whole in list(wholes.items()):
        run = next((run for run in _runs(parts, whole.surface[0]) if _writes(whole.surface, run, parts)), None)
        if run is not None:
            yield from ((i, j) for j in run)
            del wholes[i]
            for j in run:
                del parts[j]


def _runs(parts: dict[int, Term], initial: str) -> Iterator[range]:
    """Neighbouring places, up to five, that begin with a letter; longest first from each."""
    for start in [place for place, part in parts.items() if part.surface[0] == initial]:
        for length in range(_MAX_PARTS, 0, -1):
            run = range(start, start + length)
            if all(place in parts for place in run):
                yield run


def _writes(letters: str, run: range, parts: dict[int, Term]) -> bool:
    words = [word for place in run for word in parts[place].surface.split("_")]
    return "".join(words) == letters or (len(letters) > 1 and "".join(word[0] for word in words) == letters)
