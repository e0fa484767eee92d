"""Which words of two questions answer each other, and which are left over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cache.lexicon import english
from cache.question import Parsed, Term

_MIN_TYPO_LENGTH = 5
#: A text counts as retold from this many terms on, with this many of its own in either question.
MIN_RETOLD_TERMS, MIN_RETOLD_LEFT = 6, 2


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions laid side by side.

    Attributes:
        matches: (place in `asked.terms`, place in `stored.terms`) of terms that mean the same.
        left_asked: terms of the new question that nothing in the stored one answers; `left_stored` the other way.
    """

    asked: Parsed
    stored: Parsed
    matches: tuple[tuple[int, int], ...]
    left_asked: tuple[Term, ...]
    left_stored: tuple[Term, ...]

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
    """Match terms one to one: equal words first, then synonyms and families, typing errors, compounds, acronyms."""
    lexicon = english()
    first, second = dict(enumerate(asked.terms)), dict(enumerate(stored.terms))
    matches: list[tuple[int, int]] = []
    tests: tuple[Callable[[Term, Term], bool], ...] = (
        lambda one, other: one.lemma == other.lemma,
        lambda one, other: lexicon.related(one.lemma, other.lemma),
        lambda one, other: mistyped(one.surface, other.surface, lexicon.vocabulary),
    )
    for same in tests:
        matches += _one_to_one(first, second, same)
    matches += _compounds(first, second)
    matches += [(i, j) for j, i in _compounds(second, first)]
    return Pair(asked, stored, tuple(matches), tuple(first.values()), tuple(second.values()))


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
        letters = whole.surface
        for run in _runs(sorted(parts)):
            if parts[run[0]].surface[0] != letters[0]:
                continue
            words = [part for j in run for part in parts[j].surface.split("_")]
            if "".join(words) == letters or (len(letters) > 1 and "".join(word[0] for word in words) == letters):
                yield from ((i, j) for j in run)
                del wholes[i]
                for j in run:
                    del parts[j]
                break


def _runs(places: list[int]) -> Iterator[list[int]]:
    """Neighbouring places, up to five, longest first."""
    for length in range(min(5, len(places)), 0, -1):
        for start in range(len(places) - length + 1):
            run = places[start : start + length]
            if run[-1] - run[0] == length - 1:
                yield run


def mistyped(first: str, second: str, vocabulary: frozenset[str]) -> bool:
    """Whether one is the other with one slip of the finger behind the first letter, and the slip made no word.

    Of two words that are both unknown, only an exchange of neighbouring letters is taken for a slip.
    """
    if min(len(first), len(second)) < _MIN_TYPO_LENGTH or first[0] != second[0]:
        return False
    known = (first in vocabulary) + (second in vocabulary)
    return known < 2 and one_slip(first, second) and (known == 1 or sorted(first) == sorted(second))


def one_slip(first: str, second: str) -> bool:
    """Whether two words are one insertion, deletion, substitution or exchange of neighbours apart (Damerau 1964)."""
    short, long = sorted((first, second), key=len)
    if len(long) - len(short) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    rest_short, rest_long = short[start:], long[start:]
    if len(short) < len(long):
        return rest_short == rest_long[1:]
    exchanged = rest_short[1::-1] + rest_short[2:] == rest_long
    return rest_short[1:] == rest_long[1:] or exchanged
