"""A small collection of articles whose answers are known."""

import json

import pytest

TEXTS = {
    "tower#0": ("Eiffel Tower", "The Eiffel Tower is 330 metres tall and stands in Paris."),
    "tower#1": ("Eiffel Tower", "Gustave Eiffel's company built the Eiffel Tower for the 1889 World's Fair."),
    "reef#0": ("Great Barrier Reef", "The Great Barrier Reef lies off the coast of Queensland, Australia."),
    "diesel#0": ("Diesel engine", "The diesel engine was invented by Rudolf Diesel in 1893."),
    "bread#0": ("", "Sourdough bread rises by wild yeast and lactic acid bacteria."),
}
QUERIES = {
    "q1": ("How tall is the Eiffel Tower?", "tower#0", ["330 metres", "330"]),
    "q2": ("Where does the Great Barrier Reef lie?", "reef#0", ["off the coast of Queensland"]),
    "q3": ("Who invented the diesel engine?", "diesel#0", ["Rudolf Diesel"]),
    "q4": ("By what does sourdough bread rise?", "bread#0", ["wild yeast and lactic acid bacteria"]),
}


@pytest.fixture
def folder(tmp_path):
    """The collection as files."""
    made = tmp_path / "small"
    (made / "qrels").mkdir(parents=True)
    documents = [{"_id": key, "title": title, "text": text} for key, (title, text) in TEXTS.items()]
    queries = [{"_id": k, "text": text, "metadata": {"answers": golds}} for k, (text, _, golds) in QUERIES.items()]
    for name, records in (("corpus.jsonl", documents), ("queries.jsonl", queries)):
        (made / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    rows = "".join(f"{key}\t{document}\t1\n" for key, (_, document, _) in QUERIES.items())
    (made / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)
    return made


@pytest.fixture(autouse=True)
def environment(monkeypatch, model_folder):
    monkeypatch.setenv("STEADYRAG_CACHE_DIR", str(model_folder.parent.parent))
    monkeypatch.setenv("STEADYRAG_LIMITS__MIN_FREE_BYTES", "0")
