"""What every adapter of `rag.ports.Embedder` keeps; subclass it and give the fixture `embedder`."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from rag.errors import DependencyTimeout
from rag.ports import Embedder

TEXTS = (
    "The Eiffel Tower is 324 metres high.",
    "A cache remembers answers.",
    "Bread is made of flour, water and yeast, and baked in an oven until its crust is brown.",
    "Breakers open.",
)


class EmbedderContract:
    """The port's promises.

    Attributes:
        agreement: the least cosine between the vectors that a text gets alone and in company.
    """

    agreement = 0.9999

    @pytest.fixture
    def embedder(self) -> Embedder:
        """The adapter under test."""
        raise NotImplementedError

    async def test_vectors_are_float32_of_unit_length_and_of_the_stated_dimension(self, embedder: Embedder) -> None:
        vectors = await embedder.embed(TEXTS, timeout_s=30)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(TEXTS), embedder.info.dimension)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-4)

    async def test_row_i_belongs_to_text_i(self, embedder: Embedder) -> None:
        together = await embedder.embed(TEXTS, timeout_s=30)
        alone = np.concatenate([await embedder.embed([text], timeout_s=30) for text in TEXTS])
        cosines = together @ alone.T
        assert cosines.diagonal().min() >= self.agreement
        assert cosines.argmax(axis=1).tolist() == list(range(len(TEXTS)))

    async def test_calls_side_by_side_get_their_own_rows(self, embedder: Embedder) -> None:
        calls = [TEXTS[:1], TEXTS[1:], TEXTS, TEXTS[::-1]]
        results = await asyncio.gather(*(embedder.embed(texts, timeout_s=30) for texts in calls))
        for texts, vectors in zip(calls, results, strict=True):
            expected = await embedder.embed(texts, timeout_s=30)
            assert (vectors * expected).sum(axis=1).min() >= self.agreement

    async def test_no_texts_give_no_rows(self, embedder: Embedder) -> None:
        assert (await embedder.embed([], timeout_s=30)).shape == (0, embedder.info.dimension)

    async def test_an_empty_text_has_a_vector(self, embedder: Embedder) -> None:
        assert np.linalg.norm(await embedder.embed([""], timeout_s=30)) == pytest.approx(1, abs=1e-4)

    async def test_what_stands_beyond_the_limit_is_not_read(self, embedder: Embedder) -> None:
        head = "word " * (2 * embedder.info.max_tokens)
        cut, longer = await embedder.embed([head, head + "quite another matter"], timeout_s=30)
        assert cut @ longer == pytest.approx(1, abs=1e-4)

    async def test_no_time_is_a_timeout(self, embedder: Embedder) -> None:
        with pytest.raises(DependencyTimeout):
            await embedder.embed(TEXTS, timeout_s=0)
        assert (await embedder.embed(TEXTS, timeout_s=30)).shape[0] == len(TEXTS)

    def test_tokens_are_counted_uncut_and_without_special_ones(self, embedder: Embedder) -> None:
        limit = embedder.info.max_tokens
        assert embedder.count_tokens([]) == []
        assert embedder.count_tokens(["", "word", "word " * (3 * limit)]) == [0, 1, 3 * limit]
