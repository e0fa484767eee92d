"""A pair of questions as numbers for the scorer."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from cache.alignment import Pair
from cache.veto import VETOES, conflicts

Vector = npt.NDArray[np.float32]

_WORD = re.compile(r"\w+")
#: Beyond this, more words of its own make a question no more different.
_MANY = 8


@dataclass(frozen=True)
class _View:
    """What several features read; each part is made when first asked for."""

    pair: Pair
    conflict: bool
    cosine: float

    @cached_property
    def conflicts(self) -> Mapping[str, str]:
        return conflicts(self.pair)

    @cached_property
    def left(self) -> list[int]:
        """Numbers of terms left over, larger first."""
        return sorted((len(self.pair.left_asked), len(self.pair.left_stored)), reverse=True)

    @cached_property
    def terms(self) -> tuple[int, int]:
        return max(1, len(self.pair.asked.terms)), max(1, len(self.pair.stored.terms))

    @cached_property
    def shares_left(self) -> list[float]:
        """Shares of each question's terms that are left over, larger first."""
        asked, stored = self.terms
        return sorted((len(self.pair.left_asked) / asked, len(self.pair.left_stored) / stored), reverse=True)

    @cached_property
    def words(self) -> tuple[list[str], list[str]]:
        return _WORD.findall(self.pair.asked.text.casefold()), _WORD.findall(self.pair.stored.text.casefold())

    @cached_property
    def letters(self) -> tuple[str, str]:
        return " ".join(self.words[0]), " ".join(self.words[1])

    @property
    def words_common(self) -> float:
        """Share of the words of the question with fewer that the other one has."""
        first, second = map(set, self.words)
        return len(first & second) / max(1, min(len(first), len(second)))

    @property
    def letters_different(self) -> float:
        one, other = map(len, self.letters)
        return abs(one - other) / max(1, one, other)

    @property
    def roles_different(self) -> float:
        """Share of the matched terms that stand under another preposition."""
        asked, stored, matches = self.pair.asked.terms, self.pair.stored.terms, self.pair.matches
        return sum(asked[i].role != stored[j].role for i, j in matches) / max(1, len(matches))


def _vetoed(name: str, view: _View) -> float:
    return name in view.conflicts


_FEATURES: dict[str, Callable[[_View], float]] = {
    "cosine": lambda view: view.cosine,
    "conflict": lambda view: view.conflict,
    "slips alone": lambda view: view.pair.slips_alone,
    "retold": lambda view: view.pair.retold,
    "terms matched": lambda view: min(len(view.pair.matches), _MANY),
    "terms left, longer side": lambda view: min(view.left[0], _MANY),
    "terms left, shorter side": lambda view: min(view.left[1], _MANY),
    "share matched": lambda view: 1.0 - sum(view.left) / sum(view.terms),
    "share left, larger": lambda view: view.shares_left[0],
    "share left, smaller": lambda view: view.shares_left[1],
    "words common / all": lambda view: _jaccard(*view.words),
    "words common / fewer": lambda view: view.words_common,
    "trigrams common / all": lambda view: _jaccard(*(_grams(each, 3) for each in view.letters)),
    "word pairs common / all": lambda view: _jaccard(*(_grams(each, 2) for each in view.words)),
    "letters different, share": lambda view: view.letters_different,
    "words, fewer": lambda view: min(40, *map(len, view.words)),
    "words, difference": lambda view: min(abs(len(view.words[0]) - len(view.words[1])), 20),
    "same first word": lambda view: view.words[0][:1] == view.words[1][:1],
    "same first two words": lambda view: view.words[0][:2] == view.words[1][:2],
    "same last word": lambda view: view.words[0][-1:] == view.words[1][-1:],
    "same kind": lambda view: view.pair.asked.kinds == view.pair.stored.kinds,
    "roles different, share": lambda view: view.roles_different,
    "sentences": lambda view: min(view.pair.asked.sentences + view.pair.stored.sentences, 8),
    **{f"veto {name}": partial(_vetoed, name) for name in VETOES},
}
#: What each place of `features` holds.
NAMES: tuple[str, ...] = tuple(_FEATURES)


def features(pair: Pair, *, conflict: bool, cosine: float, wanted: Collection[str] = NAMES) -> Vector:
    """The values that `NAMES` names, shape [len(NAMES)]; the same whichever question came first.

    Args:
        pair: the questions.
        conflict: whether a veto decides against serving.
        cosine: of their vectors.
        wanted: the features that are needed; the others are 0.
    """
    view = _View(pair, conflict, cosine)
    return np.array([of(view) if name in wanted else 0.0 for name, of in _FEATURES.items()], np.float32)


def _grams(items: Sequence[Hashable], size: int) -> list[Hashable]:
    return [tuple(items[i : i + size]) for i in range(len(items) - size + 1)]


def _jaccard(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    return len(set(first) & set(second)) / max(1, len(set(first) | set(second)))
