from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rag.embedding.batching import BatchingEmbedder
from rag.embedding.onnx import OnnxModel
from rag.ingestion.chunking import Chunker
from rag.ingestion.here import LocalPreparer
from tests.contracts.preparer import PreparerContract


class TestLocalPreparer(PreparerContract):
    @pytest.fixture
    async def preparer(self, model: OnnxModel) -> AsyncIterator[LocalPreparer]:
        embedder = BatchingEmbedder(model, workers=2)
        preparer = LocalPreparer(Chunker(model.count_tokens, max_tokens=model.info.max_tokens), embedder)
        yield preparer
        await preparer.aclose()
        await embedder.aclose()
