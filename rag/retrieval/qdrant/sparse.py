"""BM25 as the product of two sparse vectors; how rare a word is, the server multiplies in (`Modifier.IDF`).

A passage's vector says how much each of its words and phrases weighs there, a question's how often it asks for them.
The length of a passage is measured against a fixed mean, since a vector does not change when others come in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from qdrant_client.models import SparseVector

from rag.retrieval.fields import DEFAULT, Weights, phrases
from rag.retrieval.postings import Terms

#: Raised when the same passage gets another vector.
VERSION = 1
#: Terms of a full passage, title and headings counted as often as they weigh; the means of SQuAD and Cranfield are 76
#: and 95, and anything from 50 to 100 serves (`docs/decisions`, the page on BM25 on Qdrant).
MEAN_LENGTH = 100.0
#: The highest bit of a dimension says whether it is a phrase; 31 bits of the hash are left.
_PHRASE = np.uint64(1 << 31)
_WORD = _PHRASE - np.uint64(1)

#: shape [dimensions], ascending, each once
Dimensions = npt.NDArray[np.uint64]


def passage_vector(context: Sequence[int], text: Sequence[int], weights: Weights = DEFAULT) -> SparseVector:
    """What the words and phrases of a passage weigh, each 0 to k1 + 1.

    Args:
        context: terms of title and headings.
        text: terms of the text.
        weights: as in the index of this process; the neighbours' share is not in it.
    """
    parts = [np.array(part, np.uint64) for part in (context, text)]
    words = np.concatenate([np.repeat(parts[0], weights.title), parts[1]])
    dimensions, counts = _counted(words, np.concatenate([phrases(part) for part in parts]))
    norm = weights.k1 * (1 - weights.b + weights.b / MEAN_LENGTH * len(words))
    return _vector(dimensions, counts * (weights.k1 + 1) / (counts + norm))


def question_vector(terms: Sequence[int], weights: Weights = DEFAULT) -> SparseVector:
    """How often the question has each word and phrase, times what it weighs."""
    words = np.array(terms, np.uint64)
    dimensions, counts = _counted(words, phrases(words))
    return _vector(dimensions, counts * np.where(dimensions >= _PHRASE, weights.phrase, 1.0))


def _counted(words: Terms, pairs: Terms) -> tuple[Dimensions, npt.NDArray[np.float64]]:
    dimensions, counts = np.unique(np.concatenate([words & _WORD, pairs & _WORD | _PHRASE]), return_counts=True)
    return dimensions, counts.astype(np.float64)


def _vector(dimensions: Dimensions, values: npt.NDArray[np.float64]) -> SparseVector:
    return SparseVector(indices=dimensions.tolist(), values=values.tolist())
