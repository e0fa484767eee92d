"""A small judged collection."""

import json

import pytest

TEXTS = {
    "tower": "The Eiffel Tower is 330 metres tall and stands in Paris.",
    "reef": "The Great Barrier Reef lies off the coast of Queensland.",
    "bread": "Sourdough bread rises by wild yeast and lactic acid bacteria.",
    "engine": "The diesel engine was invented by Rudolf Diesel.",
    "moon": "The Moon orbits the Earth once in about 27 days.",
    "blank": " ",
}
QUERIES = {
    "q1": "How tall is the Eiffel Tower?",
    "q2": "Where is the Great Barrier Reef?",
    "q3": "Who invented the diesel engine?",
    "unjudged": "What is the capital of France?",
}
QRELS = [("q1", "tower", 1), ("q2", "reef", 1), ("q2", "moon", 0), ("q3", "engine", 2), ("q3", "blank", 1)]


def lines(entries):
    return "".join(json.dumps({"_id": key, "title": "", "text": text}) + "\n" for key, text in entries.items())


@pytest.fixture
def folder(tmp_path):
    """The collection as files."""
    made = tmp_path / "small"
    (made / "qrels").mkdir(parents=True)
    (made / "corpus.jsonl").write_text(lines(TEXTS))
    (made / "queries.jsonl").write_text(lines(QUERIES))
    rows = "".join(f"{query}\t{document}\t{grade}\n" for query, document, grade in QRELS)
    (made / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)
    return made
