"""The collections of the lab server: Edge shards in folders, their keys, and the aliases that name them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import qdrant_edge as edge

STATE = "collections.json"


@dataclass(slots=True)
class Description:
    """What a collection was created with, and what has been made in it since.

    Attributes:
        size: of the unnamed dense vector; None without one.
        sparse: names of the sparse vectors, and whether the IDF is multiplied in.
    """

    size: int | None
    custom: bool
    keys: list[str] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    replication_factor: int = 1
    write_consistency_factor: int = 1
    sparse: dict[str, bool] = field(default_factory=dict)


class Collection:
    """Shards by key. Without custom keys a point lies on the shard that its id hashes to."""

    def __init__(self, folder: Path, description: Description) -> None:
        self.folder = folder
        self.description = description
        self.shards: dict[str, edge.EdgeShard] = {}
        self.dead: set[str] = set()
        for key in description.keys:
            self.open(key)

    def open(self, key: str) -> None:
        """Open the shard of the key, or make it."""
        folder = self.folder / f"shard-{key}"
        if (folder / "segments").exists():
            self.shards[key] = edge.EdgeShard.load(str(folder))
            return
        folder.mkdir(parents=True)
        shard = edge.EdgeShard.create(str(folder), _config(self.description))
        for name in self.description.indexes:
            shard.update(edge.UpdateOperation.create_field_index(name, edge.PayloadSchemaType.Keyword))
        self.shards[key] = shard

    def pick(self, keys: Sequence[str]) -> list[edge.EdgeShard]:
        """The shards of the keys, all without any.

        Raises:
            LookupError: no such key.
            ConnectionError: one of them is dead, as when a cluster without replicas loses a node.
        """
        for key in keys:
            if key not in self.shards:
                raise LookupError(f"shard key {key} does not exist")
        chosen = list(keys) or list(self.shards)
        if dead := self.dead & set(chosen):
            raise ConnectionError(
                f"{len(dead)} of {len(chosen)} read operations failed: shard {min(dead)} is not available"
            )
        return [self.shards[key] for key in chosen]

    def place(self, points: Iterable[edge.Point], keys: Sequence[str]) -> Iterator[tuple[edge.EdgeShard, list[Any]]]:
        """Each point with the shard that takes it."""
        if self.description.custom:
            if len(keys) != 1:
                raise ValueError("shard key not specified: the collection has custom sharding")
            yield self.pick(keys)[0], list(points)
            return
        parts: dict[str, list[edge.Point]] = {}
        for point in points:
            number = crc32(str(point.id).encode()) % len(self.shards)
            parts.setdefault(str(number), []).append(point)
        for key, part in parts.items():
            yield self.pick([key])[0], part

    def close(self) -> None:
        """Flush and close the shards."""
        for shard in self.shards.values():
            shard.flush()
            shard.close()


class Storage:
    """All collections below a folder, and the aliases; both survive a restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        state = json.loads((folder / STATE).read_text()) if (folder / STATE).exists() else {}
        self.aliases: dict[str, str] = state.get("aliases", {})
        self.collections = {
            name: Collection(folder / name, Description(**fields))
            for name, fields in state.get("collections", {}).items()
        }

    def collection(self, name: str) -> Collection:
        """The collection of the name or alias.

        Raises:
            LookupError: there is none.
        """
        try:
            return self.collections[self.aliases.get(name, name)]
        except KeyError:
            raise LookupError(f"collection `{name}` does not exist") from None

    def create(self, name: str, description: Description) -> None:
        """Make a collection.

        Raises:
            ValueError: there is one.
        """
        if name in self.collections or name in self.aliases:
            raise ValueError(f"collection `{name}` already exists")
        self.collections[name] = Collection(self._folder / name, description)
        self.save()

    def delete(self, name: str) -> bool:
        """Remove a collection with its aliases; says whether there was one."""
        collection = self.collections.pop(name, None)
        if collection is None:
            return False
        collection.close()
        shutil.rmtree(collection.folder, ignore_errors=True)
        self.aliases = {alias: target for alias, target in self.aliases.items() if target != name}
        self.save()
        return True

    def save(self) -> None:
        """Write down what a restart must know."""
        collections = {name: asdict(collection.description) for name, collection in self.collections.items()}
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f"{STATE}.part"
        part.write_text(json.dumps({"aliases": self.aliases, "collections": collections}))
        part.replace(self._folder / STATE)

    def close(self) -> None:
        """Flush and close everything."""
        for collection in self.collections.values():
            collection.close()


def _config(told: Description) -> edge.EdgeConfig:
    dense = edge.EdgeVectorParams(size=told.size, distance=edge.Distance.Cosine) if told.size else None
    sparse = {
        name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf if idf else None)
        for name, idf in told.sparse.items()
    }
    return edge.EdgeConfig(vectors=dense, sparse_vectors=sparse or None, max_search_threads=1)
