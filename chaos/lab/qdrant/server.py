"""Qdrant's gRPC protocol on a socket of this machine, over Edge shards.

It is not a Qdrant server: one process, no Raft, no replication, no optimiser, no REST; keyword indexes, queries by one
dense or sparse vector, and the filters that match values, ranges or ids. What it does answer, it answers by Qdrant's
own engine, to Qdrant's own client. A shard can be made dead, and then behaves as in a cluster that lost a node without
a replica: every request that needs the shard fails, and those by the key of another shard do not.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from grpc import RpcMethodHandler, StatusCode, aio, unary_unary_rpc_method_handler
from qdrant_client import grpc

from chaos.lab.qdrant.collections import Collections, Snapshots
from chaos.lab.qdrant.points import Points
from chaos.lab.qdrant.storage import Storage

VERSION = "1.19.0-lab"
#: What the storage raises -> what Qdrant answers.
STATUS = (
    (LookupError, StatusCode.NOT_FOUND),
    (ConnectionError, StatusCode.INTERNAL),
    (NotImplementedError, StatusCode.UNIMPLEMENTED),
    (ValueError, StatusCode.INVALID_ARGUMENT),
)


class LabQdrant:
    """The server, from `start` to `stop`.

    Attributes:
        port: where it listens on 127.0.0.1; chosen by the system when it was given as 0.
        requests: method names, in order, since the start.
    """

    def __init__(self, folder: Path, *, port: int = 0, api_key: str | None = None) -> None:
        self.port = port
        self.requests: list[str] = []
        self._folder = folder
        self._api_key = api_key
        self._storage: Storage
        self._server: aio.Server

    @property
    def url(self) -> str:
        """What `INDEX__URL` is set to."""
        return f"qdrant://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Open the storage and listen.

        Raises:
            RuntimeError: the port is taken.
        """
        self._storage = Storage(self._folder)
        self._server = aio.server(
            interceptors=[_Door(self)], options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)]
        )
        grpc.add_QdrantServicer_to_server(_Health(), self._server)  # type: ignore[no-untyped-call]
        grpc.add_CollectionsServicer_to_server(Collections(self._storage), self._server)  # type: ignore[no-untyped-call]
        grpc.add_PointsServicer_to_server(Points(self._storage), self._server)  # type: ignore[no-untyped-call]
        grpc.add_SnapshotsServicer_to_server(Snapshots(self._storage, self._folder / "snapshots"), self._server)  # type: ignore[no-untyped-call]
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        """End what runs at once and close the storage; `start` opens it again on the same port."""
        await self._server.stop(grace=0)
        self._storage.close()

    def kill_shard(self, collection: str, key: str) -> None:
        """Let every request fail that needs the shard."""
        self._storage.collection(collection).dead.add(key)

    def revive_shard(self, collection: str, key: str) -> None:
        """Let the shard answer again."""
        self._storage.collection(collection).dead.discard(key)

    def admits(self, metadata: Any) -> bool:
        """Whether the caller brought the key that was asked for."""
        return self._api_key is None or ("api-key", self._api_key) in {(each[0], each[1]) for each in metadata}


@asynccontextmanager
async def serving(folder: Path, *, port: int = 0, api_key: str | None = None) -> AsyncIterator[LabQdrant]:
    """A server for the length of a block."""
    server = LabQdrant(folder, port=port, api_key=api_key)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class _Health(grpc.QdrantServicer):
    async def HealthCheck(self, _request: Any, _context: Any) -> Any:
        return grpc.HealthCheckReply(title="steadyrag lab", version=VERSION)


class _Door(aio.ServerInterceptor):  # type: ignore[misc]
    """Checks the key, notes the request, and answers errors as Qdrant does."""

    def __init__(self, server: LabQdrant) -> None:
        self._server = server

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[RpcMethodHandler | None]], details: Any
    ) -> RpcMethodHandler | None:
        handler = await continuation(details)
        if handler is None:
            return None
        self._server.requests.append(details.method.rpartition("/")[2])
        admitted = self._server.admits(details.invocation_metadata)

        async def answer(request: Any, context: Any) -> Any:
            if not admitted:
                await context.abort(
                    StatusCode.UNAUTHENTICATED, "Must provide an API key or an Authorization bearer token"
                )
            try:
                return await handler.unary_unary(request, context)
            except tuple(kind for kind, _ in STATUS) as error:
                code = next(code for kind, code in STATUS if isinstance(error, kind))
                await context.abort(code, str(error))

        return unary_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)
