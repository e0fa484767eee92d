import json

import pytest

from evals.composed import SPACE, composed, take_in
from evals.errors import CannotMeasure
from evals.retrieval.beir import read_collection


@pytest.fixture
def collection(tmp_path, monkeypatch, model_folder):
    monkeypatch.setenv("STEADYRAG_CACHE_DIR", str(model_folder.parent.parent))
    monkeypatch.setenv("STEADYRAG_LIMITS__MIN_FREE_BYTES", "0")
    (tmp_path / "qrels").mkdir()
    documents = [{"_id": f"d{n}", "text": f"Document number {n}."} for n in range(3)]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(each) + "\n" for each in documents))
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "Which?"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("q\td0\t1\n")
    return read_collection(tmp_path)


async def test_only_what_is_not_there_is_taken_in(collection, scratch):
    told = []
    async with composed(scratch / "kept", shards=1) as service:
        assert await take_in(service, collection, lambda *step: told.append(step)) == 3
        assert await take_in(service, collection, lambda *_: None) == 0
        await service.writer.delete(SPACE, ["d1"])
        assert await take_in(service, collection, lambda *_: None) == 1
    assert told[-1] == ("ingesting", 3, 3)


async def test_other_documents_are_refused(collection, scratch):
    async with composed(scratch / "kept", shards=1) as service:
        await take_in(service, collection, lambda *_: None)
        collection.documents.pop()
        with pytest.raises(CannotMeasure, match="holds 3 documents, the corpus has 2"):
            await take_in(service, collection, lambda *_: None)


async def test_settings_of_retrieval_are_passed_on_and_nothing_is_left_behind(collection, scratch, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    async with composed(None, shards=2, retrieval={"plan": "tiered"}) as service:
        retrieval = service.settings.retrieval
        assert (retrieval.plan, retrieval.hot_entries, service.settings.index.shards) == ("tiered", 0, 2)
    assert list(scratch.iterdir()) == []
