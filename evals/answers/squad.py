"""SQuAD's comparison of an answer with gold answers (Rajpurkar et al. 2016, its `evaluate-v1.1.py`)."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable, Sequence

#: Words of an answer that are looked at for a gold answer.
LOOKED_AT_WORDS = 60

_MARKER = re.compile(r"\s*\[\d{1,3}\]")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def without_markers(text: str) -> str:
    """The answer as it reads without its citations."""
    return _MARKER.sub("", text)


def normalised(text: str) -> str:
    """Small letters, no punctuation, no articles, one space between words."""
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def contains(answer: str, golds: Iterable[str]) -> bool:
    """Whether the first `LOOKED_AT_WORDS` words say one of the gold answers, as whole words."""
    said = f" {normalised(' '.join(answer.split()[:LOOKED_AT_WORDS]))} "
    return any(f" {normalised(gold)} " in said for gold in golds)


def exact_match(answer: str, golds: Iterable[str]) -> bool:
    """Whether the answer is one of the gold answers and nothing else."""
    return normalised(answer) in map(normalised, golds)


def f1(answer: str, golds: Sequence[str]) -> float:
    """The words shared with the gold answer that fits best, 0 to 1: harmonic mean of precision and recall."""
    return max((_f1(normalised(answer).split(), normalised(gold).split()) for gold in golds), default=0.0)


def _f1(said: Sequence[str], gold: Sequence[str]) -> float:
    if not said or not gold:
        return float(said == gold)
    shared = (Counter(said) & Counter(gold)).total()
    return 2 * shared / (len(said) + len(gold))
