"""The collection behind the dense index: its name says what its vectors are, an alias says which one is in service.

Vectors of two models do not mix, so each model, dimension, number of shards and version of the payload has a collection
of its own, and a service reads and writes by name the one that its settings mean: an alias that moves under a running
service would hand it vectors of another model. The alias is for operators and other readers; it is moved, atomically,
when a collection is complete.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from qdrant_client import AsyncQdrantClient
from qdrant_client.models import (
    CreateAlias,
    CreateAliasOperation,
    DeleteAlias,
    DeleteAliasOperation,
    Distance,
    HnswConfigDiff,
    KeywordIndexParams,
    KeywordIndexType,
    ScalarQuantization,
    ScalarQuantizationConfig,
    ScalarType,
    ShardingMethod,
    VectorParams,
)

from rag.retrieval.payload import FIELDS, SPACE
from rag.retrieval.qdrant.errors import mapped

#: Raised when what a point carries changes shape.
VERSION = 1
#: Seconds for one step of setting a collection up; a cluster agrees on each of them.
STEP_TIMEOUT_S = 30.0
TENANT = KeywordIndexParams(type=KeywordIndexType.KEYWORD, is_tenant=True)
KEYWORD = KeywordIndexParams(type=KeywordIndexType.KEYWORD)
INT8 = ScalarQuantization(scalar=ScalarQuantizationConfig(type=ScalarType.INT8, quantile=0.99, always_ram=True))
#: Edges per node within a tenant's own graph, as for the whole (Qdrant, "Configure multitenancy").
TENANT_GRAPH = HnswConfigDiff(payload_m=16)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a collection is made of.

    Attributes:
        alias: name under which operators know the index.
        shards: shard keys "0", "1", ...: a document lies on the one that `shard_of` names.
        replication_factor: copies of each shard.
        write_consistency_factor: copies that must have a write before it is acknowledged.
    """

    alias: str
    model: str
    dimension: int
    shards: int
    replication_factor: int = 1
    write_consistency_factor: int = 1
    quantization: Literal["int8", "none"] = "int8"

    @property
    def collection(self) -> str:
        """The collection's own name."""
        model = re.sub(r"[^a-z0-9]+", "-", self.model.lower()).strip("-")
        return f"{self.alias}.{model}.{self.dimension}.{self.shards}.v{VERSION}"

    @property
    def keys(self) -> list[str]:
        """The shard keys."""
        return [str(number) for number in range(self.shards)]


async def prepare(client: AsyncQdrantClient, layout: Layout) -> None:
    """Make the layout's collection, or what is missing of it; the first one gets the alias."""
    async with mapped(f"setting up {layout.collection}", 4 * STEP_TIMEOUT_S):
        if not await client.collection_exists(layout.collection):
            await _create(client, layout)
        cluster = await client.collection_cluster_info(layout.collection)
        present = {shard.shard_key for shard in cluster.local_shards}
        present |= {shard.shard_key for shard in cluster.remote_shards}
        for key in layout.keys:
            if key not in present:
                await client.create_shard_key(layout.collection, key, shards_number=1)
        for field, schema in ((SPACE, TENANT), (FIELDS, KEYWORD)):
            await client.create_payload_index(layout.collection, field, schema, wait=True)
        if await in_service(client, layout.alias) is None:
            await switch(client, layout)


async def in_service(client: AsyncQdrantClient, alias: str) -> str | None:
    """The collection that the alias names."""
    async with mapped("asking for the alias", STEP_TIMEOUT_S):
        aliases = (await client.get_aliases()).aliases
    return next((each.collection_name for each in aliases if each.alias_name == alias), None)


async def switch(client: AsyncQdrantClient, layout: Layout) -> str | None:
    """Let the alias name the layout's collection, in one step; gives back the one that it named before."""
    before = await in_service(client, layout.alias)
    drop = [DeleteAliasOperation(delete_alias=DeleteAlias(alias_name=layout.alias))] if before else []
    take = CreateAlias(collection_name=layout.collection, alias_name=layout.alias)
    async with mapped("moving the alias", STEP_TIMEOUT_S):
        await client.update_collection_aliases([*drop, CreateAliasOperation(create_alias=take)])
    return before


async def _create(client: AsyncQdrantClient, layout: Layout) -> None:
    await client.create_collection(
        layout.collection,
        vectors_config=VectorParams(size=layout.dimension, distance=Distance.COSINE),
        sharding_method=ShardingMethod.CUSTOM,
        shard_number=1,
        replication_factor=layout.replication_factor,
        write_consistency_factor=layout.write_consistency_factor,
        hnsw_config=TENANT_GRAPH,
        quantization_config=INT8 if layout.quantization == "int8" else None,
    )
