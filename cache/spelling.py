"""Slips of the finger: a word that nobody knows, close to a word of the other question."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from cache.question import Parsed, parse
from cache.wording import function_classes, names

_WORD = re.compile(r"[^\W\d_]+")
#: Letters that both words have at least, where two neighbours are exchanged, and where one of them is a function word.
_MIN_EXCHANGED, _MIN_FUNCTION = 4, 3
#: Letters that both have at least, where one is missing, added or beside its key: of a known word, and of a name.
_MIN_STRUCK, _MIN_STRUCK_NAME = 4, 7
#: Rows of keys; each begins half a key to the right of the one above.
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class _Words:
    """A question's words in lower case: all, those that no list knows, those written as names."""

    all: frozenset[str]
    unknown: frozenset[str]
    names: frozenset[str]


def mended(asked: Parsed, stored: Parsed) -> tuple[Parsed, Parsed, bool]:
    """Both questions, a misspelt word of either spelt as in the other one, and whether there was such a word."""
    if asked.unknown == stored.unknown:
        return asked, stored, False
    one, other = _words(asked), _words(stored)
    # of two that nobody knows, the asked one is spelt as the stored one
    slips, stored_slips = _slips(one, other, other.all), _slips(other, one, one.all - one.unknown)
    return _spelt(asked, slips), _spelt(stored, stored_slips), bool(slips or stored_slips)


def misspelt(word: str, meant: str, *, known: bool) -> bool:
    """Whether an unknown word is another one, mistyped.

    Args:
        word: as it is written, in lower case.
        meant: the other question's word, in lower case.
        known: whether `meant` is a word that the lists know and no name; names must be longer, and end alike.
    """
    shorter, function = min(len(word), len(meant)), meant in function_classes()
    if len(word) == len(meant):
        least = _MIN_FUNCTION if function else _MIN_EXCHANGED
        if shorter >= least and exchanged(word, meant):
            return True
    if known:
        return shorter >= (_MIN_FUNCTION if function else _MIN_STRUCK) and struck(word, meant)
    return shorter >= _MIN_STRUCK_NAME and word[-1] == meant[-1] and struck(word, meant)


def exchanged(word: str, meant: str) -> bool:
    """Whether two neighbouring letters of a word of the same length have changed places."""
    apart = [i for i, (a, b) in enumerate(zip(word, meant, strict=True)) if a != b]
    if len(apart) != 2 or apart[1] != apart[0] + 1:
        return False
    first, second = apart
    return word[first] == meant[second] and word[second] == meant[first]


def struck(word: str, meant: str) -> bool:
    """Whether one letter is missing or, inside, one is too many or stands for its neighbour on the keyboard."""
    if word[0] != meant[0]:
        return False
    if len(word) + 1 == len(meant):
        return any(meant[:i] + meant[i + 1 :] == word for i in range(1, len(meant)))
    # another last letter makes another word: angel and angela, masher and mashed
    if word[-1] != meant[-1]:
        return False
    if len(word) == len(meant):
        apart = [(a, b) for a, b in zip(word, meant, strict=True) if a != b]
        return len(apart) == 1 and frozenset(apart[0]) in _neighbouring_keys()
    return len(word) == len(meant) + 1 and any(word[:i] + word[i + 1 :] == meant for i in range(1, len(word) - 1))


def _words(question: Parsed) -> _Words:
    words = frozenset(_WORD.findall(question.text.casefold()))
    return _Words(words, question.unknown, names(question.text))


def _slips(here: _Words, there: _Words, spelt: Collection[str]) -> dict[str, str]:
    """Misspelt word of this question -> how the other one spells it, if that is among `spelt`."""
    slips = {}
    for word in here.unknown - there.all:
        for meant in sorted(spelt):
            named = word in here.names and meant not in function_classes()
            if misspelt(word, meant, known=not named and meant not in there.unknown):
                slips[word] = meant
                break
    return slips


def _spelt(question: Parsed, slips: dict[str, str]) -> Parsed:
    if not slips:
        return question

    def spell(match: re.Match[str]) -> str:
        word = match.group()
        meant = slips.get(word.casefold(), word)
        return meant.capitalize() if word[0].isupper() else meant

    return parse(_WORD.sub(spell, question.text))


@cache
def _neighbouring_keys() -> frozenset[frozenset[str]]:
    """Letters side by side on a keyboard."""
    pairs = {frozenset(row[i : i + 2]) for row in _KEYS for i in range(len(row) - 1)}
    for upper, lower in pairwise(_KEYS):
        pairs |= {frozenset((key, above)) for i, key in enumerate(lower) for above in upper[i : i + 2]}
    return frozenset(pairs)
