"""What of a document is searched, and what each part of it weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from rag.retrieval import payload
from rag.retrieval.postings import Terms

#: Two odd constants with about as many ones as zeros (the golden ratio's, and splitmix64's).
_SPREAD, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(31)


@dataclass(frozen=True, slots=True)
class Weights:
    """The parts of a passage in one score. The defaults are measured: `docs/decisions`, the page on fields.

    Attributes:
        k1, b, epsilon: as in `BM25Okapi`: saturation of counts, share of the length, floor of the IDF.
        title: how often a word of the title or a heading counts (as in simple BM25F, Robertson, Zaragoza and Taylor
            2004); 1 makes it a word like any other.
        phrase: weight of two words that follow each other in question and passage alike.
        neighbour: share of the better neighbour's score, of the passages before and behind it in the document, that
            is added to a passage's own.
    """

    k1: float = 1.2
    b: float = 0.6
    epsilon: float = 0.25
    title: int = 2
    phrase: float = 0.3
    neighbour: float = 0.05


DEFAULT = Weights()
#: One field over title, headings and text; the scores are those of `BM25Okapi.get_scores` with its defaults.
PLAIN = Weights(k1=1.5, b=0.75, title=1, phrase=0.0, neighbour=0.0)


def phrases(terms: Terms) -> Terms:
    """A term for each two that follow each other, shape [max(0, terms - 1)]; the order of the two matters."""
    mixed = terms[:-1] * _SPREAD + terms[1:]
    mixed = (mixed ^ (mixed >> _SHIFT)) * _MIX
    return mixed ^ (mixed >> _SHIFT)


def keywords(fields: Mapping[str, object]) -> Terms:
    """A term for each value that a filter can ask for, shape [values]; the same as in the dense index, hashed."""
    hashed = (blake2b(each.encode(), digest_size=8).digest() for each in payload.terms(fields))
    return np.frombuffer(b"".join(hashed), np.uint64)
