from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import pytest
from qdrant_client import AsyncQdrantClient
from qdrant_client.models import PointStruct

from rag.errors import ConfigError, DependencyFailed
from rag.retrieval.analysis import Analyzer
from rag.retrieval.qdrant.collections import Layout
from rag.retrieval.qdrant.lexical import BATCH, DOCUMENTS, POSITION, POSITION_POINT, QdrantLexicalIndex, lexical
from tests.contracts.lexical_index import CORPUS, LexicalIndexContract, ids, in_order, search
from tests.support import qdrant
from tests.support.changes import OTHER_TENANT, SPACE, change, passage_id


def layout(shards=1):
    """A collection of its own."""
    return Layout(f"steadyrag-test-{uuid4().hex}", "toy", 8, shards)


@asynccontextmanager
async def opened(client, pool, shards=1):
    """An empty index, deleted afterwards."""
    index = QdrantLexicalIndex(client, layout(shards), Analyzer(), pool)
    await index.prepare()
    yield index
    await client.delete_collection(index.collection)


class TestOverASocket(LexicalIndexContract):
    """One shard: each counts the IDF for itself, and the contract's corpora are a handful of passages."""

    @pytest.fixture
    async def index(self, scratch, pool):
        async with qdrant.lab(scratch) as (_, client), opened(client, pool) as index:
            yield index


@pytest.mark.filterwarnings("ignore:Local mode performs exact", "ignore:Payload indexes have no effect")
class TestInMemory(LexicalIndexContract):
    @pytest.fixture
    async def index(self, pool):
        client = AsyncQdrantClient(":memory:")
        async with opened(client, pool) as index:
            yield index
        await client.close()


@qdrant.needs_real_server
class TestOnARealServer(LexicalIndexContract):
    @pytest.fixture
    async def index(self, pool):
        async with qdrant.real() as client, opened(client, pool) as index:
            yield index


@pytest.fixture
async def lab(scratch, pool):
    """Server and client, and an index of two shards."""
    async with qdrant.lab(scratch) as (server, client), opened(client, pool, shards=2) as index:
        yield server, client, index


async def another(index, newest=None):
    """The index of another process, or of the same one after a restart."""
    other = QdrantLexicalIndex(index._client, index._layout, Analyzer(), index._pool)
    await other.prepare(newest)
    return other


def river(text, seq):
    return change("river", text, seq=seq)


async def test_the_position_lies_with_the_data(lab):
    server, _, index = lab
    await index.apply(CORPUS, timeout_s=10)
    await server.stop()
    await server.start()
    again = await another(index, newest=len(CORPUS))
    assert again.position == len(CORPUS)
    assert len(await search(again, "water")) == 3


async def test_a_collection_that_is_ahead_of_the_log_is_made_anew(lab):
    _, client, index = lab
    await index.apply(CORPUS, timeout_s=10)
    again = await another(index, newest=len(CORPUS) - 1)
    assert again.position == 0
    assert (await client.count(index.collection)).count == 0
    await again.apply(CORPUS[:2], timeout_s=10)
    assert len(await search(again, "water")) == 1


async def test_a_collection_that_went_back_is_followed_and_nothing_skipped(lab):
    _, client, index = lab
    await index.apply(CORPUS[:4], timeout_s=10)
    await client.upsert(index.collection, [PointStruct(id=POSITION_POINT, vector={}, payload={POSITION: 2})])
    await index.apply(CORPUS[4:], timeout_s=10)
    assert index.position == 2
    assert await search(index, "noon") == []
    await index.apply(CORPUS[2:], timeout_s=10)
    assert index.position == len(CORPUS)
    assert len(await search(index, "noon")) == 1


async def test_what_another_replica_has_taken_in_is_not_written_again(lab):
    server, _, index = lab
    slower = await another(index)
    await index.apply(CORPUS, timeout_s=10)
    server.requests.clear()
    await slower.apply(CORPUS[:3], timeout_s=10)
    assert server.requests == ["Get"]
    assert slower.position == len(CORPUS)


async def test_a_slow_replica_takes_nothing_away_from_a_fast_one(lab):
    """It asked for the position before the fast one had moved it."""
    _, _, index = lab
    await index.apply([river("The river carries water", 1)], timeout_s=10)
    slower = await another(index)
    await index.apply([river("The stream carries sand", 3)], timeout_s=10)
    await slower._replace({("space", "river"): river("The river carries mud", 2)}, 2)
    assert ids(await search(index, "sand")) == [passage_id("river", "The stream carries sand")]
    await slower._replace({("space", "river"): river("The stream carries sand", 3)}, 3)
    assert await search(index, "mud") == []


async def test_of_a_batch_only_the_last_state_of_a_document_is_written(lab):
    _, client, index = lab
    batch = in_order(river("first", 0), change("sea", "salt"), river("second", 0), change("sea"), river("third", 0))
    await index.apply(batch, timeout_s=10)
    assert (await client.count(index.collection)).count == 2  # one passage, and the position
    assert ids(await search(index, "third")) == [passage_id("river", "third")]


async def test_many_documents_of_several_spaces_go_in_batches(lab):
    _, _, index = lab
    documents = [
        change(str(n), f"word number {n}", space=(SPACE, OTHER_TENANT)[n % 2]) for n in range(2 * DOCUMENTS + BATCH)
    ]
    await index.apply(in_order(*documents), timeout_s=60)
    changed = [replace(each, passages=()) for each in documents[::4]]
    await index.apply(in_order(*changed, after=len(documents)), timeout_s=60)
    assert len(await search(index, "word", limit=1_000)) == len(documents) // 4
    assert len(await search(index, "word", OTHER_TENANT, limit=1_000)) == len(documents) // 2


async def test_a_passage_without_a_word_is_stored_and_never_found(lab):
    _, client, index = lab
    blank = change("blank", "the of and")
    blank = replace(blank, passages=tuple(replace(each, heading="") for each in blank.passages))
    await index.apply(in_order(blank, change("other", "the word")), timeout_s=10)
    assert (await client.count(index.collection)).count == 3
    assert await search(index, "the of and") == []
    assert len(await search(index, "the word")) == 1


async def test_a_dead_shard_is_a_failure(lab):
    server, _, index = lab
    await index.apply(CORPUS, timeout_s=10)
    server.kill_shard(index.collection, "1")
    with pytest.raises(DependencyFailed, match="the lexical index on Qdrant failed: INTERNAL"):
        await search(index, "water")
    server.revive_shard(index.collection, "1")
    assert len(await search(index, "water")) == 3


async def test_other_models_and_analysers_have_collections_of_their_own(pool):
    client = AsyncQdrantClient(":memory:")
    one = layout()
    layouts = (one, replace(one, model="other"), replace(one, shards=3))
    names = {QdrantLexicalIndex(client, each, Analyzer(), pool).collection for each in layouts}
    names.add(QdrantLexicalIndex(client, one, Analyzer("german"), pool).collection)
    assert len(names) == 4
    assert all(name.startswith(one.alias) for name in names)
    await client.close()


async def test_it_is_opened_by_its_url(scratch, pool):
    async with qdrant.lab(scratch) as (server, _):
        for position in (0, len(CORPUS)):
            async with AsyncExitStack() as stack:
                index = await lexical(server.url, None, Layout("docs", "toy", 8, 2), stack, pool=pool, newest=9)
                assert index.position == position
                await index.apply(CORPUS, timeout_s=10)
                assert len(await search(index, "water")) == 3
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError):
            await lexical("qdrant://", None, Layout("docs", "toy", 8, 2), stack, pool=pool, newest=None)
        with pytest.raises(DependencyFailed, match="setting up docs"):
            await lexical(server.url, None, Layout("docs", "toy", 8, 2), stack, pool=pool, newest=None)
