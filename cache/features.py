"""A pair of questions as numbers for the scorer."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cache.alignment import Pair
from cache.veto import VETOES

Vector = npt.NDArray[np.float32]

_WORD = re.compile(r"\w+")
#: Beyond this, more words of its own make a question no more different.
_MANY = 8.0

#: What each place of `features` holds.
NAMES: tuple[str, ...] = (
    "cosine",
    "terms matched",
    "terms left, longer side",
    "terms left, shorter side",
    "share matched",
    "share left, larger",
    "share left, smaller",
    "words common / all",
    "words common / fewer",
    "trigrams common / all",
    "word pairs common / all",
    "letters different, share",
    "words, fewer",
    "words, difference",
    "same first word",
    "same first two words",
    "same last word",
    "same kind",
    "roles different, share",
    "sentences",
    "retold",
    *(f"veto {name}" for name in VETOES),
)


def features(pair: Pair, conflicts: Mapping[str, str], cosine: float) -> Vector:
    """The values that `NAMES` names, shape [len(NAMES)]; the same whichever question came first."""
    asked, stored = pair.asked, pair.stored
    left = sorted((len(pair.left_asked), len(pair.left_stored)), reverse=True)
    terms = max(1, len(asked.terms)), max(1, len(stored.terms))
    shares = sorted((len(pair.left_asked) / terms[0], len(pair.left_stored) / terms[1]), reverse=True)
    first, second = _WORD.findall(asked.text.casefold()), _WORD.findall(stored.text.casefold())
    common = len(set(first) & set(second))
    one, other = " ".join(first), " ".join(second)
    values = (
        cosine,
        min(len(pair.matches), _MANY),
        *(min(n, _MANY) for n in left),
        1.0 - sum(left) / sum(terms),
        *shares,
        _jaccard(first, second),
        common / max(1, min(len(set(first)), len(set(second)))),
        _jaccard(_grams(one, 3), _grams(other, 3)),
        _jaccard(_grams(first, 2), _grams(second, 2)),
        abs(len(one) - len(other)) / max(1, len(one), len(other)),
        min(len(first), len(second), 40),
        min(abs(len(first) - len(second)), 20),
        first[:1] == second[:1],
        first[:2] == second[:2],
        first[-1:] == second[-1:],
        asked.kinds == stored.kinds,
        _roles_different(pair),
        min(asked.sentences + stored.sentences, 8),
        pair.retold,
        *(name in conflicts for name in VETOES),
    )
    return np.array(values, np.float32)


def _grams(items: Sequence[Hashable], size: int) -> list[Hashable]:
    return [tuple(items[i : i + size]) for i in range(len(items) - size + 1)]


def _jaccard(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    return len(set(first) & set(second)) / max(1, len(set(first) | set(second)))


def _roles_different(pair: Pair) -> float:
    """Share of the matched terms that stand under another preposition."""
    different = sum(pair.asked.terms[i].role != pair.stored.terms[j].role for i, j in pair.matches)
    return different / max(1, len(pair.matches))
