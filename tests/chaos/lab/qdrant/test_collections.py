import pytest
from grpc.aio import AioRpcError
from qdrant_client import models

VECTORS = models.VectorParams(size=2, distance=models.Distance.COSINE)


async def test_collections_come_and_go(lab):
    _, client = lab
    await client.create_collection("a", vectors_config=VECTORS)
    await client.create_collection("b", vectors_config=VECTORS, shard_number=3)
    assert {each.name for each in (await client.get_collections()).collections} == {"a", "b"}
    assert (await client.get_collection("b")).config.params.shard_number == 3
    assert await client.delete_collection("a")
    assert not await client.delete_collection("a")
    assert [await client.collection_exists(name) for name in "ab"] == [False, True]


async def test_aliases_change_together_or_not_at_all(lab):
    _, client = lab
    for name in "ab":
        await client.create_collection(name, vectors_config=VECTORS)

    def create(alias, name):
        return models.CreateAliasOperation(create_alias=models.CreateAlias(alias_name=alias, collection_name=name))

    rename = models.RenameAliasOperation(rename_alias=models.RenameAlias(old_alias_name="y", new_alias_name="z"))
    delete = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name="x"))
    await client.update_collection_aliases([create("x", "a"), create("y", "a")])
    with pytest.raises(AioRpcError):
        await client.update_collection_aliases([delete, create("x", "none")])
    assert [each.alias_name for each in (await client.get_collection_aliases("a")).aliases] == ["x", "y"]
    await client.update_collection_aliases([delete, create("x", "b"), rename])
    aliases = {each.alias_name: each.collection_name for each in (await client.get_aliases()).aliases}
    assert aliases == {"x": "b", "z": "a"}
    assert (await client.count("x")).count == 0
    await client.delete_collection("b")
    assert not await client.collection_exists("x")


async def test_custom_keys_have_shards_of_their_own(lab):
    server, client = lab
    await client.create_collection("c", vectors_config=VECTORS, sharding_method=models.ShardingMethod.CUSTOM)
    await client.create_payload_index("c", "field", models.PayloadSchemaType.KEYWORD)
    for key in "xy":
        await client.create_shard_key("c", key)
    point = [models.PointStruct(id=1, vector=[1, 0])]
    await client.upsert("c", point, shard_key_selector="y")
    assert [(await client.count("c", shard_key_selector=key)).count for key in "xy"] == [0, 1]
    for wrong in (
        client.create_shard_key("c", "x"),
        client.upsert("c", point),
        client.count("c", shard_key_selector="z"),
    ):
        with pytest.raises(AioRpcError):
            await wrong
    server.kill_shard("c", "x")
    states = [shard.state for shard in (await client.collection_cluster_info("c")).local_shards]
    assert states == [models.ReplicaState.DEAD, models.ReplicaState.ACTIVE]


async def test_snapshots_are_written_and_listed(lab):
    _, client = lab
    await client.create_collection("c", vectors_config=VECTORS)
    first = await client.create_snapshot("c")
    second = await client.create_snapshot("c")
    assert [each.name for each in await client.list_snapshots("c")] == [first.name, second.name]
    assert first.size > 0
    assert len(first.checksum) == 64
