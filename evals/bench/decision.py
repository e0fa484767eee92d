"""The cache's decision after the embedding, without the evidence, in a scope of many stored questions."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cache.evidence import Support
from cache.neighbours import Vector
from cache.semantic_cache import SemanticCache
from cache.types import Question
from cache.verify import Verifier
from evals.bench.phases import Targets
from evals.cache.pairs import embed_alone
from rag.embedding.files import DEFAULT_MODEL, prepare
from rag.embedding.onnx import OnnxModel

TARGETS: Targets = {"decision_p50_ms": (0.0, 1.0)}
#: Length of the random vector that is added to a question's own to make another stored question, before scaling.
SPREAD = 1.0
#: Answers of one put after another, before the index is waited for.
BATCH = 500


async def measure(questions: Sequence[str], cache_dir: Path, entries: int) -> dict[str, float]:
    """Milliseconds of a decision in a scope of `entries` questions: the given ones and variants around them."""
    vectors = embed_alone(OnnxModel.load(prepare(cache_dir, DEFAULT_MODEL)), questions)
    cache: SemanticCache[int] = SemanticCache(time.time, Verifier(), max_entries=2 * entries, max_bytes=1 << 40)
    start, before_bytes = time.perf_counter(), _resident_bytes()
    await _fill(cache, questions, vectors, entries)
    filled_s, grown_bytes = time.perf_counter() - start, _resident_bytes() - before_bytes
    took_ms = []
    for text, vector in zip(questions, vectors, strict=True):
        before = time.perf_counter()
        await cache.near(Question("bench", text, 0), vector)
        took_ms.append((time.perf_counter() - before) * 1e3)
    await cache.aclose()
    return {
        "entries": len(cache),
        "decision_p50_ms": statistics.median(took_ms),
        "decision_p99_ms": statistics.quantiles(took_ms, n=100)[-1],
        "stored_per_s": entries / filled_s,
        "bytes_per_entry": grown_bytes / len(cache),
    }


def _resident_bytes() -> int:
    """What this process has in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def _fill(cache: SemanticCache[int], questions: Sequence[str], vectors: Sequence[Vector], entries: int) -> None:
    rng = np.random.default_rng(0)
    support = Support(frozenset(), frozenset())
    for number in range(entries):
        place, turn = number % len(questions), number // len(questions)
        vector = vectors[place]
        if turn:
            noise = rng.normal(size=len(vector)).astype(np.float32)
            vector = vector + SPREAD * noise / np.linalg.norm(noise)
            vector /= np.linalg.norm(vector)
        cache.put(Question("bench", f"{questions[place]} variant {turn}", 0), number, support, 1, vector)
        if number % BATCH == 0:
            await cache.near(Question("bench", questions[place], 0), vectors[place])
    await asyncio.sleep(0)
