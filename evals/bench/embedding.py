"""Query embedding: int8 ONNX against sentence-transformers on torch, and micro-batching against one by one."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rag.embedding.batching import BatchingEmbedder
from rag.embedding.files import DEFAULT_MODEL, bundled_weights, prepare
from rag.embedding.onnx import OnnxModel

ROUNDS = 15
TOGETHER = 32
TIMEOUT_S = 30.0


def measure(questions: Sequence[str], cache_dir: Path) -> dict[str, float]:
    """Medians in ms, and ratios; each pair is measured in turns within one run."""
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - heavy, and only this bench needs it

    torch_model = SentenceTransformer(bundled_weights(DEFAULT_MODEL) or DEFAULT_MODEL, device="cpu")
    model = OnnxModel.load(prepare(cache_dir, DEFAULT_MODEL))

    def torch_encode(texts: Sequence[str]) -> Any:
        return torch_model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)

    async def ours() -> dict[str, float]:
        embedder = BatchingEmbedder(model, workers=os.cpu_count() or 1)
        try:
            return await _turns(questions, torch_encode, embedder)
        finally:
            await embedder.aclose()

    return asyncio.run(ours())


async def _turns(
    questions: Sequence[str], torch_encode: Callable[[Sequence[str]], Any], embedder: BatchingEmbedder
) -> dict[str, float]:
    took: dict[str, list[float]] = {}

    def record(name: str, start: float) -> None:
        took.setdefault(name, []).append((time.perf_counter() - start) * 1e3)

    for round_number in range(-1, ROUNDS):
        batch = [questions[(round_number * TOGETHER + i) % len(questions)] for i in range(TOGETHER)]
        start = time.perf_counter()
        torch_encode(batch[:1])
        record("torch_one", start)
        start = time.perf_counter()
        await embedder.embed(batch[:1], timeout_s=TIMEOUT_S)
        record("int8_one", start)
        start = time.perf_counter()
        torch_encode(batch)
        record("torch_32", start)
        start = time.perf_counter()
        for question in batch:
            await embedder.embed([question], timeout_s=TIMEOUT_S)
        record("int8_one_by_one_32", start)
        start = time.perf_counter()
        await asyncio.gather(*(embedder.embed([question], timeout_s=TIMEOUT_S) for question in batch))
        record("int8_together_32", start)
        if round_number < 0:
            took.clear()  # the first round warms up
    return _summary({name: statistics.median(values) for name, values in took.items()})


def _summary(ms: dict[str, float]) -> dict[str, float]:
    return {f"{name}_ms": value for name, value in ms.items()} | {
        "one_vs_torch": ms["torch_one"] / ms["int8_one"],
        "32_vs_torch": ms["torch_32"] / ms["int8_together_32"],
        "together_vs_one_by_one": ms["int8_one_by_one_32"] / ms["int8_together_32"],
    }
