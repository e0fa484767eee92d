"""The protocol's Collections and Snapshots services over the lab's storage."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import qdrant_edge as edge
from qdrant_client import grpc

from chaos.lab.qdrant.storage import Collection, Description, Storage


class Collections(grpc.CollectionsServicer):
    """Collections, aliases, shard keys."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def Create(self, request: Any, _context: Any) -> Any:
        """Make a collection; with automatic sharding, its shards too."""
        custom = request.sharding_method == grpc.ShardingMethod.Custom
        keys = [] if custom else [str(number) for number in range(request.shard_number or 1)]
        self._storage.create(
            request.collection_name,
            Description(
                request.vectors_config.params.size or None,
                custom,
                keys,
                [],
                request.replication_factor or 1,
                request.write_consistency_factor or 1,
                {
                    name: params.modifier == grpc.Modifier.Idf
                    for name, params in request.sparse_vectors_config.map.items()
                },
            ),
        )
        return grpc.CollectionOperationResponse(result=True)

    async def Delete(self, request: Any, _context: Any) -> Any:
        """Remove a collection."""
        return grpc.CollectionOperationResponse(result=self._storage.delete(request.collection_name))

    async def CollectionExists(self, request: Any, _context: Any) -> Any:
        """Whether a collection or alias is known."""
        name = request.collection_name
        exists = self._storage.aliases.get(name, name) in self._storage.collections
        return grpc.CollectionExistsResponse(result=grpc.CollectionExists(exists=exists))

    async def List(self, _request: Any, _context: Any) -> Any:
        """All collections."""
        names = [grpc.CollectionDescription(name=name) for name in self._storage.collections]
        return grpc.ListCollectionsResponse(collections=names)

    async def Get(self, request: Any, _context: Any) -> Any:
        """What a collection was made with, and how much it holds."""
        collection = self._storage.collection(request.collection_name)
        points = sum(shard.count(edge.CountRequest()) for shard in collection.pick([]))
        return grpc.GetCollectionInfoResponse(
            result=grpc.CollectionInfo(
                status=grpc.CollectionStatus.Green,
                optimizer_status=grpc.OptimizerStatus(ok=True),
                segments_count=len(collection.shards),
                points_count=points,
                config=_config(collection),
                payload_schema={
                    name: grpc.PayloadSchemaInfo(data_type=grpc.PayloadSchemaType.Keyword)
                    for name in collection.description.indexes
                },
            )
        )

    async def UpdateAliases(self, request: Any, _context: Any) -> Any:
        """All actions or none."""
        aliases = dict(self._storage.aliases)
        for action in request.actions:
            if action.HasField("create_alias"):
                if action.create_alias.collection_name not in self._storage.collections:
                    raise LookupError(f"collection `{action.create_alias.collection_name}` does not exist")
                aliases[action.create_alias.alias_name] = action.create_alias.collection_name
            elif action.HasField("delete_alias"):
                aliases.pop(action.delete_alias.alias_name, None)
            else:
                aliases[action.rename_alias.new_alias_name] = aliases.pop(action.rename_alias.old_alias_name)
        self._storage.aliases = aliases
        self._storage.save()
        return grpc.CollectionOperationResponse(result=True)

    async def ListAliases(self, _request: Any, _context: Any) -> Any:
        """All aliases."""
        return grpc.ListAliasesResponse(aliases=list(_aliases(self._storage)))

    async def ListCollectionAliases(self, request: Any, _context: Any) -> Any:
        """The aliases of one collection."""
        theirs = [each for each in _aliases(self._storage) if each.collection_name == request.collection_name]
        return grpc.ListAliasesResponse(aliases=theirs)

    async def CollectionClusterInfo(self, request: Any, _context: Any) -> Any:
        """The shards, all of them on this one node."""
        collection = self._storage.collection(request.collection_name)
        shards = [
            grpc.LocalShardInfo(
                shard_id=number,
                points_count=shard.count(edge.CountRequest()),
                state=grpc.ReplicaState.Dead if key in collection.dead else grpc.ReplicaState.Active,
                shard_key=grpc.ShardKey(keyword=key) if collection.description.custom else None,
            )
            for number, (key, shard) in enumerate(collection.shards.items())
        ]
        return grpc.CollectionClusterInfoResponse(peer_id=1, shard_count=len(shards), local_shards=shards)

    async def CreateShardKey(self, request: Any, _context: Any) -> Any:
        """A shard of its own for the key."""
        collection, key = self._storage.collection(request.collection_name), request.request.shard_key.keyword
        if not collection.description.custom or key in collection.shards:
            raise ValueError(f"shard key {key} already exists, or the collection has no custom sharding")
        collection.open(key)
        collection.description.keys.append(key)
        self._storage.save()
        return grpc.CreateShardKeyResponse(result=True)


class Snapshots(grpc.SnapshotsServicer):
    """Snapshots of a collection: an archive of its shards' folders. There is no way to recover one here."""

    def __init__(self, storage: Storage, folder: Path) -> None:
        self._storage = storage
        self._folder = folder

    async def Create(self, request: Any, _context: Any) -> Any:
        """Write a snapshot."""
        collection = self._storage.collection(request.collection_name)
        for shard in collection.pick([]):
            shard.flush()
        self._folder.mkdir(parents=True, exist_ok=True)
        number = len(list(self._folder.glob(f"{collection.folder.name}-*")))
        file = self._folder / f"{collection.folder.name}-{number}.snapshot"
        with tarfile.open(file, "w") as archive:
            archive.add(collection.folder, collection.folder.name)
        return grpc.CreateSnapshotResponse(snapshot_description=_describe(file))

    async def List(self, request: Any, _context: Any) -> Any:
        """The snapshots of a collection."""
        name = self._storage.collection(request.collection_name).folder.name
        found = [_describe(file) for file in sorted(self._folder.glob(f"{name}-*.snapshot"))]
        return grpc.ListSnapshotsResponse(snapshot_descriptions=found)


def _aliases(storage: Storage) -> Iterator[Any]:
    for alias, name in storage.aliases.items():
        yield grpc.AliasDescription(alias_name=alias, collection_name=name)


def _config(collection: Collection) -> Any:
    told = collection.description
    return grpc.CollectionConfig(
        params=grpc.CollectionParams(
            shard_number=len(collection.shards),
            vectors_config=_dense(told.size) if told.size else None,
            sparse_vectors_config=grpc.SparseVectorConfig(map=dict(_sparse(told))),
            replication_factor=told.replication_factor,
            write_consistency_factor=told.write_consistency_factor,
            sharding_method=grpc.ShardingMethod.Custom if told.custom else grpc.ShardingMethod.Auto,
        ),
        hnsw_config=grpc.HnswConfigDiff(m=16, ef_construct=100, full_scan_threshold=10_000),
        optimizer_config=grpc.OptimizersConfigDiff(
            deleted_threshold=0.2, vacuum_min_vector_number=1_000, default_segment_number=0
        ),
        wal_config=grpc.WalConfigDiff(wal_capacity_mb=32, wal_segments_ahead=0),
    )


def _dense(size: int) -> Any:
    return grpc.VectorsConfig(params=grpc.VectorParams(size=size, distance=grpc.Distance.Cosine))


def _sparse(told: Description) -> Iterator[tuple[str, Any]]:
    for name, idf in told.sparse.items():
        yield name, grpc.SparseVectorParams(modifier=grpc.Modifier.Idf if idf else None)


def _describe(file: Path) -> Any:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return grpc.SnapshotDescription(name=file.name, size=len(content), checksum=digest)
