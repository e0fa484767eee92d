"""A toy embedder, for tests where speed matters and meaning does not."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from rag.errors import DependencyTimeout
from rag.ports import EmbedderInfo, Vector, Vectors

DIMENSION = 32


class WordEmbedder:
    """The sum of the vectors of a text's words, each a fixed random direction; a word is a token.

    Attributes:
        embedded: every text that was embedded, in order.
    """

    def __init__(self, max_tokens: int = 32) -> None:
        self.info = EmbedderInfo("words", DIMENSION, max_tokens)
        self.embedded: list[str] = []

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """See `rag.ports.Embedder`."""
        if timeout_s <= 0:
            raise DependencyTimeout("no time was given")
        self.embedded += texts
        return np.array([self.vector(text) for text in texts], np.float32).reshape(len(texts), DIMENSION)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `rag.ports.Embedder`."""
        return [len(text.split()) for text in texts]

    def vector(self, text: str) -> Vector:
        """The unit vector of a text."""
        words = text.casefold().split()[: self.info.max_tokens] or [""]
        total = np.sum([_direction(word) for word in words], axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float32)


@lru_cache(maxsize=10_000)
def _direction(word: str) -> Vector:
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
