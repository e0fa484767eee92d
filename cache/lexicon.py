"""What the cache knows of English words: base forms, synonyms, opposites, phrases, units; read from `cache/data`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_VOWELS = frozenset("aeiou")
_NEGATIVE_PREFIXES = frozenset(("un", "dis", "in", "im", "il", "ir", "non", "de", "mis", "anti", "ab"))
#: (ending, what takes its place), tried in order; the first result that is a known word wins.
_ENDINGS = (
    ("ies", "y"),
    ("es", "e"),
    ("es", ""),
    ("s", ""),
    ("ied", "y"),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of measurement: its dimension, and how many of the dimension's base unit it is."""

    name: str
    dimension: str
    factor: float


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words and their relations.

    Attributes:
        vocabulary: base forms that rules of inflection may end in.
        kept: words that are no inflected forms though they look like it.
        irregular: inflected form -> base form.
        senses: word or phrase (joined by "_") -> ids of the groups of synonyms and of the word families it is in.
        heads: phrase -> the first words of our own groups of synonyms that hold it.
        opposites: word -> words that contradict it.
        phrases: first word -> phrases that begin with it, longest first.
        units: name or symbol -> unit.
    """

    vocabulary: frozenset[str]
    kept: frozenset[str]
    irregular: dict[str, str]
    senses: dict[str, frozenset[int]]
    heads: dict[str, tuple[str, ...]]
    opposites: dict[str, frozenset[str]]
    phrases: dict[str, tuple[tuple[str, ...], ...]]
    units: dict[str, Unit]

    def lemma(self, word: str) -> str:
        """The base form of a word in lower case; a word that no rule leads to a known one is left as it is."""
        if (base := self.irregular.get(word)) is not None:
            return base
        if len(word) < 4 or word in self.kept or (word in self.vocabulary and not word.endswith(("ed", "ing"))):
            return word
        for stem in _stems(word):
            if stem in self.vocabulary:
                return stem
        if word in self.vocabulary:
            return word
        return word[:-1] if word.endswith("s") and word[-2] not in "suia" else word

    def knows(self, word: str) -> bool:
        """Whether the word in lower case, or its base form, is in a list."""
        return word in self.vocabulary or word in self.senses or self.lemma(word) in self.vocabulary

    def related(self, first: str, second: str) -> bool:
        """Whether the base forms are the same, synonyms, or of one family."""
        return first == second or not self.senses.get(first, _NONE).isdisjoint(self.senses.get(second, _NONE))

    def names(self, phrase: str) -> tuple[str, ...]:
        """The first words of the groups of synonyms that ship with the package and that hold the phrase."""
        return self.heads.get(phrase, ())

    def opposite(self, first: str, second: str) -> bool:
        """Whether the base forms contradict each other: by list, as hottest and coldest, or by a negative prefix."""
        if second in self.opposites.get(first, _NO_WORDS):
            return True
        for ending in ("est", "er"):
            if first.endswith(ending) and second.endswith(ending):
                others = self._positives(second, ending)
                return any(not others.isdisjoint(self.opposites[one]) for one in self._positives(first, ending))
        short, long = sorted((first, second), key=len)
        return len(short) > 2 and long.endswith(short) and long[: -len(short)] in _NEGATIVE_PREFIXES

    def _positives(self, word: str, ending: str) -> frozenset[str]:
        """What a superlative or comparative may come from: largest, hottest, happiest."""
        stem = word[: -len(ending)]
        return frozenset(base for base in (stem, f"{stem}e", stem[:-1], f"{stem[:-1]}y") if base in self.opposites)


_NONE: frozenset[int] = frozenset()
_NO_WORDS: frozenset[str] = frozenset()


def _stems(word: str) -> Iterator[str]:
    for ending, instead in _ENDINGS:
        if word.endswith(ending):
            stem = word[: -len(ending)]
            if len(stem + instead) < 3 or word.endswith("eed"):
                continue
            yield stem + instead
            if not instead and len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in _VOWELS:
                yield stem[:-1]  # planned, running


def lines(name: str) -> Iterator[str]:
    """Lines of a file of `cache/data` without comments and blank lines."""
    for line in files("cache.data").joinpath(name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


@cache
def english() -> Lexicon:
    """The lexicon that ships with the package; about 0.1 s when first called."""
    groups = [line.split() for name in ("synonyms.txt", "wordnet_synonyms.txt") for line in lines(name)]
    families = [line.split() for line in lines("wordnet_families.txt")]
    senses = _memberships([*groups, *families])
    phrases: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for phrase in senses:
        if "_" in phrase:
            words = tuple(phrase.split("_"))
            phrases[words[0]].append(words)
    own = frozenset(w for name in ("synonyms.txt", "antonyms.txt") for line in lines(name) for w in line.split())
    return Lexicon(
        vocabulary=frozenset(lines("vocabulary.txt")) | own,
        kept=own,
        irregular=dict(line.split() for line in lines("irregular.txt")),
        senses=senses,
        heads=_heads(),
        opposites=_opposites(),
        phrases={first: tuple(sorted(found, key=len, reverse=True)) for first, found in phrases.items()},
        units=dict(_units()),
    )


def _memberships(groups: Iterable[list[str]]) -> dict[str, frozenset[int]]:
    found: defaultdict[str, set[int]] = defaultdict(set)
    for number, group in enumerate(groups):
        for word in group:
            found[word].add(number)
    return {word: frozenset(numbers) for word, numbers in found.items()}


def _heads() -> dict[str, tuple[str, ...]]:
    found: defaultdict[str, tuple[str, ...]] = defaultdict(tuple)
    for line in lines("synonyms.txt"):
        head, *others = line.split()
        for word in others:
            found[word] += (head,)
    return dict(found)


def _opposites() -> dict[str, frozenset[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    pairs = [line.split("|") for line in lines("antonyms.txt")]
    pairs += [line.split() for line in lines("wordnet_antonyms.txt")]
    for left, right in pairs:
        for first in left.split():
            for second in right.split():
                found[first].add(second)
                found[second].add(first)
    return {word: frozenset(others) for word, others in found.items()}


def _units() -> Iterator[tuple[str, Unit]]:
    for line in lines("units.txt"):
        dimension, factor, name, *aliases = line.split()
        unit = Unit(name, dimension, float(factor))
        yield from ((alias, unit) for alias in (name, *aliases))
