"""What every adapter of `rag.ports.Preparer` keeps; subclass it and give the fixtures `preparer` and `model`."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from rag.embedding.onnx import OnnxModel
from rag.errors import DependencyTimeout
from rag.ingestion.chunking import Chunker
from rag.ports import Preparer
from rag.types import Document
from tests.support.changes import SPACE

DOCUMENTS = [
    Document("a", "# Bees\n\nBees make honey.\n\n# Wasps\n\n" + "Wasps do not. " * 200, "Insects", "markdown"),
    Document("none", ""),
    Document("b", "Ein Text über Flüsse.", url="https://example.org", metadata={"lang": "de", "tags": ["x", 1]}),
]
TEXTS = [f"Text number {n} is about {word}." for n in range(60) for word in ("bees", "rivers", "bread")]


class PreparerContract:
    """The port's promises."""

    @pytest.fixture
    def preparer(self) -> Preparer:
        """The adapter under test."""
        raise NotImplementedError

    async def test_documents_are_cut_as_the_chunker_cuts(self, preparer: Preparer, model: OnnxModel) -> None:
        chunker = Chunker(model.count_tokens, max_tokens=model.info.max_tokens)
        passages = await preparer.cut(SPACE, DOCUMENTS, timeout_s=30)
        assert passages == [chunker.split(SPACE, document) for document in DOCUMENTS]
        assert [bool(each) for each in passages] == [True, False, True]
        assert await preparer.cut(SPACE, [], timeout_s=30) == []

    async def test_row_i_belongs_to_text_i(self, preparer: Preparer, model: OnnxModel) -> None:
        vectors = await preparer.embed(TEXTS, timeout_s=60)
        assert (vectors.dtype, vectors.shape) == (np.float32, (len(TEXTS), model.info.dimension))
        assert (await preparer.embed([], timeout_s=30)).shape == (0, model.info.dimension)
        expected = np.concatenate([model.encode([text]) for text in TEXTS[::9]])
        assert (vectors[::9] * expected).sum(axis=1).min() >= 0.9

    async def test_calls_side_by_side_get_their_own(self, preparer: Preparer) -> None:
        cut = (preparer.cut(SPACE, [document], timeout_s=30) for document in DOCUMENTS)
        embedded = (preparer.embed(TEXTS[:n], timeout_s=30) for n in (1, 2, 3))
        parts, vectors = await asyncio.gather(asyncio.gather(*cut), asyncio.gather(*embedded))
        assert [each for part in parts for each in part] == await preparer.cut(SPACE, DOCUMENTS, timeout_s=30)
        assert [len(each) for each in vectors] == [1, 2, 3]

    async def test_no_time_is_a_timeout(self, preparer: Preparer) -> None:
        with pytest.raises(DependencyTimeout):
            await preparer.cut(SPACE, DOCUMENTS, timeout_s=0)
        with pytest.raises(DependencyTimeout):
            await preparer.embed(TEXTS, timeout_s=0)
        assert len(await preparer.embed(TEXTS[:1], timeout_s=30)) == 1
