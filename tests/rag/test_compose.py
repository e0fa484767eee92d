import asyncio

import pytest

from rag.compose import compose
from rag.errors import ConfigError, DataFolderBusy
from rag.settings import load_settings
from rag.storage.folder import current_owner
from rag.types import ANONYMOUS, Document, Space
from tests.support.failing import Failing

SPACE = Space(ANONYMOUS.tenant, "default")
DOCUMENT = Document("a", "Some text about bees.")


@pytest.fixture
def settings(scratch, model_folder):
    def make(**values):
        values = {"index": {"shards": 2}, "limits": {"min_free_bytes": 0}} | values
        return load_settings(data_dir=scratch / "data", cache_dir=model_folder.parent.parent, **values)

    return make


async def test_every_port_is_served(settings):
    service = await compose(settings())
    assert service.serving == {
        "embedder": f"all-MiniLM-L6-v2 ({service.serving['embedder'].split('(')[1].split(',')[0]}, onnxruntime)",
        "index": "edge: 2 shards (Qdrant Edge)",
        "lexical": "memory: BM25 (rank-bm25's model)",
        "document_log": "sqlite: SQLite",
        "cache": "memory: exact match",
        "model:small": "extractive:",
        "model:large": "extractive:",
    }
    await service.aclose()


async def test_every_seam_can_be_wrapped(settings):
    seams = []
    service = await compose(settings(), wrap=lambda seam, adapter: (seams.append(seam), adapter)[1])
    await service.aclose()
    assert sorted(seams) == sorted(
        ["embedder", "lexical", "index:0", "index:1", "store", "document_log", "model:small", "model:large"]
    )


async def test_a_wrapped_adapter_is_the_one_in_use(settings):
    parts = {}

    def wrap(seam, adapter):
        parts[seam] = Failing(adapter)
        return parts[seam]

    service = await compose(settings(), wrap=wrap)
    parts["document_log"].fail("append", OSError("no"))
    with pytest.raises(OSError, match="no"):
        await service.writer.put(SPACE, [DOCUMENT])
    parts["document_log"].mend()
    assert (await service.writer.put(SPACE, [DOCUMENT])).stored == ["a"]
    await service.aclose()


async def test_a_restart_finds_everything_again(settings):
    first = await compose(settings())
    await first.writer.put(SPACE, [DOCUMENT])
    before = await first.store.document(SPACE, "a", timeout_s=5)
    await first.aclose()
    second = await compose(settings())
    assert await second.store.document(SPACE, "a", timeout_s=5) == before
    assert second.log.position == 1
    assert len(await second.retriever._lexical.search(SPACE, "bees", 5, {}, timeout_s=5)) == 1
    vector = (await second.embedder.embed(["bees"], timeout_s=5))[0]
    assert len((await second.retriever._index.search(SPACE, vector, 5, {}, timeout_s=5)).hits) == 1
    await second.aclose()


async def test_one_process_owns_the_folder_until_it_is_closed(settings, scratch):
    service = await compose(settings())
    with pytest.raises(DataFolderBusy):
        await compose(settings())
    await service.aclose()
    assert current_owner(scratch / "data") is None


UNKNOWN = {
    "index": ({"index": {"url": "qdrant://localhost:6334", "shards": 2}}, "INDEX__URL"),
    "lexical": ({"lexical": {"url": "qdrant:"}}, "LEXICAL__URL"),
    "log": ({"log": {"url": "redis://localhost"}}, "LOG__URL"),
    "cache": ({"cache": {"store": "sqlite:"}}, "CACHE__STORE"),
    "small model": ({"models": {"small": "gpt-4"}}, "MODELS__SMALL"),
    "large model without a name": ({"models": {"large": "http://localhost/v1"}}, "MODELS__LARGE"),
    "a model in a file": ({"models": {"large": "file:///etc/passwd#x"}}, "MODELS__LARGE"),
}


@pytest.mark.parametrize(("values", "key"), UNKNOWN.values(), ids=UNKNOWN)
async def test_a_back_end_that_there_is_not_is_refused_and_the_folder_let_go(settings, scratch, values, key):
    with pytest.raises(ConfigError, match=f"STEADYRAG_{key}="):
        await compose(settings(**values))
    assert current_owner(scratch / "data") is None
    await (await compose(settings())).aclose()


async def test_other_facts_than_the_data_was_made_with_are_refused(settings):
    await (await compose(settings())).aclose()
    with pytest.raises(ConfigError, match="was made with shards=2, configured is 3"):
        await compose(settings(index={"shards": 3}))


async def test_the_index_may_lie_elsewhere(settings, scratch):
    service = await compose(settings(index={"url": f"edge:{scratch / 'elsewhere'}", "shards": 2}))
    await service.aclose()
    assert sorted(path.name for path in (scratch / "elsewhere").iterdir()) == ["shard-0", "shard-1"]
    assert not (scratch / "data" / "index").exists()


async def test_answers_are_observed_and_callers_who_do_not_choose_get_the_default(settings):
    service = await compose(settings(models={"default": "large"}))
    assert service.pipeline._router.choose("auto").tier == "large"
    await service.aclose()


async def test_closing_leaves_no_task_behind(settings):
    before = asyncio.all_tasks()
    service = await compose(settings())
    service.worker.start()
    await service.aclose()
    assert asyncio.all_tasks() == before
