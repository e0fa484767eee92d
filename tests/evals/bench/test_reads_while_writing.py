import pytest

from evals.bench import reads_while_writing
from tests.support.corpus import DOCUMENTS, QUESTION
from tests.support.processes import Environment, steadyrag


@pytest.fixture
def ingested(data, cache_dir, scratch, model_folder):
    """A data folder with the corpus."""
    done = steadyrag(Environment(scratch / "data", model_folder), "ingest", data / "corpus.jsonl.gz")
    assert done.returncode == 0, done.stderr
    return scratch / "data"


async def test_searches_are_measured_before_and_while_documents_come_in(data, ingested, monkeypatch):
    for name, value in {"WARM_UP_S": 0.1, "IDLE_S": 0.3, "JOB": 2, "POLL_S": 0.01}.items():
        monkeypatch.setattr(reads_while_writing, name, value)
    figures = await reads_while_writing.measure([QUESTION], data / "corpus.jsonl.gz", ingested, 3)
    assert figures["passages"] == len(DOCUMENTS[:3]), "each of them is one passage"
    assert figures["p95_ratio"] == figures["writing_p95_ms"] / figures["idle_p95_ms"]
    assert all(value > 0 for value in figures.values())
