import asyncio
import json

import pytest

from evals.bench import ingestion
from evals.bench.evidence import measure, phrase_first

QUESTIONS = {"How tall is the Eiffel Tower?": "330", "When was the Eiffel Tower opened?": "1889"}


@pytest.fixture
def labelled(data):
    rows = [{"_id": str(n), "text": q, "metadata": {"answers": [a]}} for n, (q, a) in enumerate(QUESTIONS.items())]
    (data / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    (data / "qrels").mkdir()
    (data / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n0\ttower\t1\n1\ttower\t1\n")
    return data


async def test_neighbours_are_told_apart_and_repetitions_served(labelled, cache_dir, tmp_path):
    await asyncio.to_thread(ingestion.measure, labelled / "corpus.jsonl.gz", cache_dir, tmp_path / "state")
    figures = await measure(labelled, tmp_path / "state")
    assert figures["stored"] >= 1
    assert figures["neighbours"] == figures["stored"]
    assert figures["wrong_serves"] == 0
    assert figures["served_repeated"] == 1


def test_the_last_phrase_comes_first():
    assert phrase_first("Who won the cup in 1990?") == "In 1990, who won the cup?"
    assert phrase_first("Who won the cup?") is None
