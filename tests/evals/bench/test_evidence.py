import asyncio

from evals.bench import ingestion
from evals.bench.evidence import measure, phrase_first


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
