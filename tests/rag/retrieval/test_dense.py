from contextlib import AsyncExitStack

import pytest

from rag.errors import DataFolderCorrupt
from rag.retrieval.dense import embedded
from rag.retrieval.sharded import ShardedIndex
from rag.storage.folder import DataFolder
from tests.contracts.passage_index import DIMENSION, direction, point
from tests.support.changes import SPACE


def opened(scratch, pool, stack, shards=2):
    folder = stack.enter_context(DataFolder(scratch))
    return embedded(
        scratch / "index",
        folder,
        shards=shards,
        dimension=DIMENSION,
        quantization="int8",
        graph_from=1_000,
        pool=pool,
        stack=stack,
    )


async def test_shards_are_made_and_found_again(scratch, pool):
    for expected in (0, 6):
        async with AsyncExitStack() as stack:
            dense = opened(scratch, pool, stack)
            await dense.start()
            index = ShardedIndex(dense.shards, dense.whole)
            assert len((await index.search(SPACE, direction(0), 9, {}, timeout_s=10)).hits) == expected
            (scratch / "format.json").write_text("{}")
            await index.upsert([point(name) for name in "abcdef"], timeout_s=10)


async def test_data_without_its_format_is_refused(scratch, pool):
    async with AsyncExitStack() as stack:
        await opened(scratch, pool, stack, shards=1).shards[0].upsert([point("a")], timeout_s=10)
    async with AsyncExitStack() as stack:
        with pytest.raises(DataFolderCorrupt, match=r"format\.json is missing"):
            opened(scratch, pool, stack, shards=1)
