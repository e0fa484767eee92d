from evals.bench import ingestion


def test_the_command_is_held_against_embedding_alone(data, cache_dir, scratch):
    figures = ingestion.measure(data / "corpus.jsonl.gz", cache_dir, scratch / "data")
    assert (figures["documents"], figures["passages"]) == (4, 4)
    assert figures["ingestion_vs_embedding"] == figures["ingestion_s"] / figures["embedding_alone_s"]
    assert figures["passages_per_s"] == 4 / figures["ingestion_s"]
    assert figures["peak_mib"] > 50
    assert (scratch / "data" / "catalog.db").exists()
