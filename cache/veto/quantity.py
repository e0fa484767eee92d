"""Quantifiers, superlatives and aggregates: all or any, most or least, average or total, first or last."""

from __future__ import annotations

from functools import cache

from cache.alignment import Pair
from cache.lexicon import lines
from cache.question import Parsed


def conflict(pair: Pair) -> str | None:
    """The questions range over different parts of the same thing, or want different figures of it."""
    asked, stored = quantities(pair.asked), quantities(pair.stored)
    if asked.keys() == stored.keys():
        return None
    alone = asked.keys() ^ stored.keys()
    only = [(asked | stored)[each] for each in alone]
    return f"only one question says {' '.join(sorted(only))}"


def quantities(question: Parsed) -> dict[int, str]:
    """Class of each quantifier, superlative and aggregate of the question -> the word that says it."""
    classes = _classes()
    return {classes[term.lemma]: term.lemma for term in question.terms if term.lemma in classes}


@cache
def _classes() -> dict[str, int]:
    return {word: number for number, line in enumerate(lines("quantities.txt")) for word in line.split()}
