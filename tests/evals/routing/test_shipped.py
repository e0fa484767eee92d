from evals.routing.shipped import LICENCE, shipped_classifier


def test_the_record_names_files_and_licences(outcomes, embedder):
    record = shipped_classifier(embedder, "2026-01-01", [outcomes]).record
    assert (record["data"], record["licence"], record["date"]) == (["made.jsonl"], LICENCE, "2026-01-01")
