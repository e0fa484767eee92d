"""What the client asks for beyond the port: ids of both kinds, pages, counts, deletion by filter."""

import math
from uuid import UUID

import pytest
from grpc.aio import AioRpcError
from qdrant_client import models

IDS = [3, 7, 11, str(UUID(int=5)), str(UUID(int=9))]


@pytest.fixture
async def client(lab):
    """A client of a server that holds five points in two shards."""
    _, client = lab
    await client.create_collection(
        "c", vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE), shard_number=2
    )
    points = [
        models.PointStruct(id=each, vector=[1.0, n], payload={"n": n, "odd": str(n % 2)}) for n, each in enumerate(IDS)
    ]
    await client.upsert("c", points)
    return client


async def test_the_nearest_of_all_shards_with_their_payload(client):
    found = (await client.query_points("c", query=[1.0, 0.0], limit=2, offset=1)).points
    assert [point.id for point in found] == IDS[1:3]
    assert [point.payload["n"] for point in found] == [1, 2]


async def test_the_score_has_a_threshold(client):
    found = (await client.query_points("c", query=[1.0, 0.0], score_threshold=0.5, with_payload=False)).points
    assert [(point.id, point.payload) for point in found] == [(3, None), (7, None)]


async def test_points_are_given_by_id(client):
    found = await client.retrieve("c", [7, IDS[3], 99])
    assert sorted(record.payload["n"] for record in found) == [1, 3]


async def test_pages_go_through_all_in_the_order_of_ids(client):
    seen, offset = [], None
    while True:
        page, offset = await client.scroll("c", limit=2, offset=offset)
        seen += [record.id for record in page]
        if offset is None:
            break
    assert seen == IDS


async def test_points_are_counted(client):
    odd = models.Filter(must=[models.FieldCondition(key="odd", match=models.MatchValue(value="1"))])
    assert [(await client.count("c", count_filter=each)).count for each in (None, odd)] == [5, 2]


async def test_points_are_deleted_by_filter(client):
    odd = models.Filter(must=[models.FieldCondition(key="odd", match=models.MatchValue(value="1"))])
    await client.delete("c", models.FilterSelector(filter=odd))
    assert (await client.count("c")).count == 3


async def test_an_index_is_made_once(client):
    for _ in range(2):
        await client.create_payload_index("c", "odd", models.PayloadSchemaType.KEYWORD)
    assert list((await client.get_collection("c")).payload_schema) == ["odd"]


SPARSE = {"plain": models.SparseVectorParams(), "idf": models.SparseVectorParams(modifier=models.Modifier.IDF)}


def words(*indices):
    return models.SparseVector(indices=list(indices), values=[1.0] * len(indices))


@pytest.fixture
async def sparse(lab):
    """A client of a server that holds points with sparse vectors only, one without any among them."""
    _, client = lab
    await client.create_collection("s", vectors_config={}, sparse_vectors_config=SPARSE)
    points = [
        models.PointStruct(id=n, vector={"idf": words(1, 2 + n % 2), "plain": words(1)}, payload={"half": str(n // 4)})
        for n in range(8)
    ]
    await client.upsert("s", [*points, models.PointStruct(id=9, vector={}, payload={"half": "none"})])
    return client


async def scores(client, query, using, **more):
    found = (await client.query_points("s", query=query, using=using, limit=20, **more)).points
    return {point.id: point.score for point in found}


async def test_sparse_vectors_score_by_their_product(sparse):
    assert await scores(sparse, models.SparseVector(indices=[1, 5], values=[3.0, 1.0]), "plain") == dict.fromkeys(
        range(8), 3.0
    )


async def test_the_idf_is_multiplied_in_and_counted_where_it_is_told(sparse):
    def idf(of, having):
        return math.log((of - having + 0.5) / (having + 0.5) + 1)

    assert await scores(sparse, words(2), "idf") == pytest.approx(dict.fromkeys((0, 2, 4, 6), idf(8, 4)))
    half = models.Filter(must=[models.FieldCondition(key="half", match=models.MatchValue(value="0"))])
    params = models.SearchParams(idf=models.IdfCorpusParams(corpus=half))
    assert await scores(sparse, words(2), "idf", query_filter=half, search_params=params) == pytest.approx(
        dict.fromkeys((0, 2), idf(4, 2))
    )


async def test_sparse_vectors_are_given_back_and_survive_a_restart(sparse, lab):
    server, _ = lab
    for _ in range(2):
        first, empty = await sparse.retrieve("s", [0, 9], with_vectors=True)
        assert first.vector == {"idf": words(1, 2), "plain": words(1)}
        assert not empty.vector
        assert (await sparse.get_collection("s")).config.params.sparse_vectors == SPARSE
        await server.stop()
        await server.start()


async def test_a_name_that_no_vector_has_is_refused(sparse):
    with pytest.raises(AioRpcError, match="Not existing vector name"):
        await scores(sparse, words(1), "other")
    with pytest.raises(AioRpcError, match="Not existing vector name"):
        await sparse.upsert("s", [models.PointStruct(id=1, vector={"other": words(1)})])
