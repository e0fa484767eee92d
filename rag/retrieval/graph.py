"""Builds the search graph (HNSW) and the int8 vectors of a shard that nobody else has open: a program of its own.

`python -m rag.retrieval.graph FOLDER DIMENSION int8|none`. The engine holds Python's interpreter lock for as long as it
builds, so that a thread of the service would stop all others; hence a process, of the lowest priority.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeShard,
    EdgeVectorParams,
    HnswIndexConfig,
    ScalarQuantizationConfig,
    ScalarType,
)

#: Edges per node and candidates while building (Malkov and Yashunin, 2018), as Qdrant has them.
EDGES, CANDIDATES = 16, 100
#: Kilobytes of vectors below which a scan of the int8 vectors is quicker than the graph, and exact.
SCAN_KB = 10_000
#: Kilobytes of vectors from which a segment gets a graph: any, since the caller decides when it is worth it.
ANY_KB = 1
#: Share of the values between the int8 bounds; the rest is cut off.
QUANTILE = 0.99


def build(folder: Path, dimension: int, quantization: str) -> None:
    """Merge the shard's segments into one with graph and, for "int8", quantised vectors; on disk when it returns."""
    int8 = ScalarQuantizationConfig(ScalarType.Int8, quantile=QUANTILE, always_ram=True)
    config = EdgeConfig(
        vectors=EdgeVectorParams(size=dimension, distance=Distance.Cosine),
        quantization_config=int8 if quantization == "int8" else None,
        hnsw_config=HnswIndexConfig(EDGES, CANDIDATES, SCAN_KB, max_indexing_threads=1),
        optimizers=EdgeOptimizersConfig(indexing_threshold=ANY_KB, default_segment_number=1),
        max_search_threads=1,
    )
    shard = EdgeShard.load(str(folder), config)
    shard.optimize()
    shard.flush()
    shard.close()
    os.sync()  # files that were copied and not rewritten


if __name__ == "__main__":
    os.nice(19)
    build(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
