import asyncio
import shutil
import sys

import pytest

from chaos.lab.qdrant.server import serving
from rag.compose import compose
from rag.errors import ConfigError, DataFolderBusy, DataFolderCorrupt, DependencyFailed
from rag.retrieval.sharded import shard_of
from rag.settings import load_settings
from rag.storage.folder import current_owner
from rag.types import ANONYMOUS, Deadline, Document, Space
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
        "cache": "memory: exact and similar questions",
        "model:small": "extractive:",
        "model:large": "extractive:",
        "routing": "always small",
    }
    await service.aclose()


async def test_every_seam_can_be_wrapped(settings):
    seams = []
    service = await compose(settings(), wrap=lambda seam, adapter: (seams.append(seam), adapter)[1])
    await service.aclose()
    assert sorted(seams) == sorted(
        ["embedder", "lexical", "index:0", "index:1", "store", "document_log", "model:small", "model:large"]
    )


async def failed_at_its_first_write(chosen):
    """The service, and its document log, which lets nothing through until it is mended."""
    parts = {}

    def wrap(seam, adapter):
        parts[seam] = Failing(adapter)
        return parts[seam]

    service = await compose(chosen, wrap=wrap)
    parts["document_log"].fail("append", OSError("no"))
    with pytest.raises(OSError, match="no"):
        await service.writer.put(SPACE, [DOCUMENT])
    return service, parts["document_log"]


async def test_a_wrapped_adapter_is_the_one_in_use(settings):
    service, document_log = await failed_at_its_first_write(settings())
    document_log.mend()
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
    for plan in ("bm25", "dense"):
        assert len((await search(second, second.retriever.planned(plan))).passages) == 1
    await second.aclose()


async def test_one_process_owns_the_folder_until_it_is_closed(settings, scratch):
    service = await compose(settings())
    with pytest.raises(DataFolderBusy):
        await compose(settings())
    await service.aclose()
    assert current_owner(scratch / "data") is None


async def search(service, retriever):
    deadline = Deadline.after(5, service.clock)

    async def vector():
        return (await service.embedder.embed(["bees"], timeout_s=5))[0]

    return await retriever.retrieve(SPACE, "bees", vector, top_k=5, filters={}, deadline=deadline)


async def test_a_question_asked_again_is_answered_from_what_was_found_until_something_is_written(settings):
    service = await compose(settings())
    await service.writer.put(SPACE, [DOCUMENT])
    first = await search(service, service.retriever)
    assert await search(service, service.retriever) is first
    await service.writer.put(SPACE, [Document("b", "Other text about bees.")])
    assert len((await search(service, service.retriever)).passages) == 2
    assert (service.retriever.hot.hits, service.retriever.hot.misses) == (1, 2)
    await service.aclose()


async def test_the_plan_is_the_one_that_is_set(settings):
    for plan in ("fused", "tiered"):
        service = await compose(settings(retrieval={"plan": plan}))
        assert service.retriever._finder.plan == plan
        await service.aclose()


async def test_a_reranker_is_loaded_where_one_is_set(settings, scratch):
    with pytest.raises(ConfigError, match="STEADYRAG_RETRIEVAL__RERANKER"):
        await compose(settings(retrieval={"reranker": str(scratch / "nowhere")}))
    assert current_owner(scratch / "data") is None


UNKNOWN = {
    "index": ({"index": {"url": "faiss:./data", "shards": 2}}, "INDEX__URL"),
    "a cluster without a name": ({"index": {"url": "qdrant://", "shards": 2}}, "INDEX__URL"),
    "lexical": ({"lexical": {"url": "elastic:"}}, "LEXICAL__URL"),
    "a lexical index on a Qdrant that there is not": ({"lexical": {"url": "qdrant:"}}, "LEXICAL__URL"),
    "log": ({"log": {"url": "kafka://localhost"}}, "LOG__URL"),
    "cache": ({"cache": {"store": "file:"}}, "CACHE__STORE"),
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


async def write(settings):
    """Store the document; gives the shard that holds it."""
    service = await compose(settings)
    await service.writer.put(SPACE, [DOCUMENT])
    await service.aclose()
    return shard_of(SPACE, DOCUMENT.id, settings.index.shards)


async def test_the_first_data_fixes_the_facts_and_others_are_refused(settings):
    await (await compose(settings(index={"shards": 3}))).aclose()
    await write(settings())
    with pytest.raises(ConfigError, match="was made with shards=2, configured is 3"):
        await compose(settings(index={"shards": 3}))


async def test_a_first_write_that_was_interrupted_can_be_repeated(settings):
    service, _ = await failed_at_its_first_write(settings())
    await service.aclose()
    await write(settings())


def removed(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def emptied(path):
    if path.is_dir():
        removed(path)
        path.mkdir()
    else:
        path.write_bytes(b"")


PARTS = ("catalog.db", "index/shard-0", "index/shard-1", "index/shard-1/segments")


@pytest.mark.parametrize("loss", [removed, emptied])
@pytest.mark.parametrize("part", PARTS)
async def test_data_of_which_a_part_is_lost_is_refused_until_it_is_back(settings, scratch, part, loss):
    await write(settings())
    shutil.copytree(scratch / "data", scratch / "backup")
    loss(scratch / "data" / part)
    for _ in range(2):
        with pytest.raises(
            DataFolderCorrupt, match=rf"{scratch / 'data' / part}.* is missing or empty.*remove the folder"
        ):
            await compose(settings())
    removed(scratch / "data")
    (scratch / "backup").rename(scratch / "data")
    service = await compose(settings())
    assert await service.store.document(SPACE, DOCUMENT.id, timeout_s=5)
    await service.aclose()


async def test_data_without_its_format_is_refused(settings, scratch):
    shard = await write(settings())
    (scratch / "data" / "format.json").unlink()
    with pytest.raises(DataFolderCorrupt, match=r"format\.json is missing, while .*catalog\.db holds data"):
        await compose(settings())
    (scratch / "data" / "catalog.db").unlink()
    with pytest.raises(DataFolderCorrupt, match=rf"format\.json is missing, while .*shard-{shard} holds data"):
        await compose(settings())


async def test_the_index_may_lie_elsewhere(settings, scratch):
    service = await compose(settings(index={"url": f"edge:{scratch / 'elsewhere'}", "shards": 2}))
    await service.aclose()
    assert sorted(path.name for path in (scratch / "elsewhere").iterdir()) == ["shard-0", "shard-1"]
    assert not (scratch / "data" / "index").exists()


async def test_closing_leaves_no_task_behind(settings):
    before = asyncio.all_tasks()
    service = await compose(settings())
    service.worker.start()
    await service.aclose()
    assert asyncio.all_tasks() == before


async def test_a_qdrant_cluster_serves_and_a_dead_shard_is_labelled(settings, scratch):
    async with serving(scratch / "qdrant") as server:
        # slow shards are another matter
        chosen = settings(index={"url": server.url, "shards": 3}, resilience={"index_timeout_s": 5.0})
        service = await compose(chosen)
        collection = service.serving["index"].split()[-1].strip(")")
        documents = [Document(f"document-{n}", f"Bees of kind {n} live in hive {n}.") for n in range(12)]
        await service.writer.put(SPACE, documents)

        async def vector():
            return (await service.embedder.embed(["bees in a hive"], timeout_s=5))[0]

        async def degraded(question):
            found = await service.retriever.retrieve(
                SPACE, question, vector, top_k=12, filters={}, deadline=Deadline.after(5, service.clock)
            )
            assert len(found.passages) == 12
            return found.degraded

        assert await degraded("bees in a hive") == ()
        server.kill_shard(collection, "1")
        assert await degraded("hives of bees") == ("shards:2/3",)
        server.revive_shard(collection, "1")
        await service.dense.publish()
        await service.aclose()


async def test_the_lexical_index_lies_on_the_cluster_when_it_is_told_to(settings, scratch):
    async with serving(scratch / "qdrant") as server:
        chosen = settings(index={"url": server.url, "shards": 1}, lexical={"url": "qdrant:"})
        for documents in ([DOCUMENT], []):  # the second service finds what the first one wrote
            service = await compose(chosen)
            await service.writer.put(SPACE, documents)
            assert service.serving["lexical"] == "qdrant: BM25 (sparse vectors on Qdrant)"
            deadline = Deadline.after(5, service.clock)
            alone = service.retriever.planned("bm25")
            found = await alone.retrieve(SPACE, "bees", None, top_k=1, filters={}, deadline=deadline)
            assert [each.passage.document_id for each in found.passages] == ["a"]
            await service.aclose()
    assert not (scratch / "data" / "lexical.db").exists()


async def test_a_cluster_that_is_not_there_is_told(settings, scratch):
    async with serving(scratch / "qdrant") as server:
        url = server.url
    with pytest.raises(DependencyFailed, match="setting up steadyrag"):
        await compose(settings(index={"url": url, "shards": 3}))
    assert current_owner(scratch / "data") is None


async def test_a_missing_extra_is_told_with_its_cure(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "rag.retrieval.qdrant.cluster", None)
    with pytest.raises(ConfigError, match=r"pip install 'steadyrag\[qdrant\]'"):
        await compose(settings(index={"url": "qdrant://localhost", "shards": 3}))
