"""A corpus in small, in the format of the large one."""

import gzip
import json

import pytest

from tests.support.corpus import DOCUMENTS, QUESTION
from tests.support.processes import Environment, steadyrag


@pytest.fixture
def data(tmp_path):
    """A BEIR folder."""
    folder = tmp_path / "beir"
    folder.mkdir()
    records = [{"_id": each.id, "title": each.title, "text": each.text} for each in DOCUMENTS]
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, records)).encode()))
    questions = [QUESTION, "Where does the Great Barrier Reef lie?", "What cools the cylinder head?"]
    (folder / "queries.jsonl").write_text("\n".join(json.dumps({"_id": q, "text": q}) for q in questions) + "\n")
    return folder


@pytest.fixture
def labelled(data):
    """The folder with two questions about one document, and their answers."""
    questions = {"How tall is the Eiffel Tower?": "330", "When was the Eiffel Tower opened?": "1889"}
    rows = [{"_id": str(n), "text": q, "metadata": {"answers": [a]}} for n, (q, a) in enumerate(questions.items())]
    (data / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    (data / "qrels").mkdir()
    (data / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n0\ttower\t1\n1\ttower\t1\n")
    return data


@pytest.fixture
def cache_dir(model_folder, monkeypatch):
    """The cache folder, for children too."""
    folder = model_folder.parent.parent
    monkeypatch.setenv("STEADYRAG_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def ingested(data, cache_dir, scratch, model_folder):
    """A data folder with the corpus, in four shards."""
    done = steadyrag(Environment(scratch / "data", model_folder), "ingest", data / "corpus.jsonl.gz")
    assert done.returncode == 0, done.stderr
    return scratch / "data"
