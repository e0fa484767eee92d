"""Ingestion of a corpus by the command, against embedding the same passages and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from evals.bench.processes import run, steadyrag
from rag.embedding.batching import BatchingEmbedder
from rag.embedding.files import DEFAULT_MODEL, prepare
from rag.embedding.onnx import OnnxModel
from rag.ingestion.chunking import Chunker
from rag.ingestion.sources import documents
from rag.types import Document, Space

TIMEOUT_S = 3_600.0
BATCH = 128
IN_FLIGHT = 3


def measure(corpus: Path, cache_dir: Path, data_dir: Path) -> dict[str, float]:
    """Seconds of both, their ratio, and the command's peak memory. Leaves the ingested corpus in `data_dir`."""
    model = OnnxModel.load(prepare(cache_dir, DEFAULT_MODEL))
    texts = _passages(corpus, model)
    alone_s = asyncio.run(_embed(model, texts))
    done = run(steadyrag("ingest", str(corpus), "--json"), {"STEADYRAG_DATA_DIR": str(data_dir)})
    outcome = json.loads(done.stdout.splitlines()[-1])
    return {
        "documents": outcome["stored"],
        "passages": len(texts),
        "embedding_alone_s": alone_s,
        "ingestion_s": done.wall_s,
        "ingestion_vs_embedding": done.wall_s / alone_s,
        "passages_per_s": len(texts) / done.wall_s,
        "peak_mib": done.peak_mib,
    }


def _passages(corpus: Path, model: OnnxModel) -> list[str]:
    chunker = Chunker(model.count_tokens, max_tokens=model.info.max_tokens)
    space = Space("default", "default")
    return [
        passage.contextual_text
        for document in documents([str(corpus)])
        if isinstance(document, Document)
        for passage in chunker.split(space, document)
    ]


async def _embed(model: OnnxModel, texts: Sequence[str]) -> float:
    """Seconds to embed all texts the way ingestion does: batches of the same size, as many on their way."""
    embedder = BatchingEmbedder(model, workers=os.cpu_count() or 1)
    places = asyncio.Semaphore(IN_FLIGHT)

    async def one(batch: Sequence[str]) -> None:
        async with places:
            await embedder.embed(batch, timeout_s=TIMEOUT_S)

    start = time.perf_counter()
    try:
        await asyncio.gather(*(one(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)))
    finally:
        await embedder.aclose()
    return time.perf_counter() - start
