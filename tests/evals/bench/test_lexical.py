import json

from evals.bench import lexical


def test_both_are_measured_over_the_same_documents(data):
    questions = [json.loads(line)["text"] for line in (data / "queries.jsonl").read_text().splitlines()]
    figures = lexical.measure(questions, data / "corpus.jsonl.gz")
    assert figures["documents"] == 4
    assert all(value > 0 for value in figures.values())
    assert figures["one_field_vs_rank_bm25"] == figures["rank_bm25_p50_ms"] / figures["one_field_p50_ms"]
