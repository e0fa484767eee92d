"""Finding passages: BM25, dense shards, fusion."""
