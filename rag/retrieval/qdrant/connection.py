"""From `qdrant://host:6334` to a client."""

from __future__ import annotations

from urllib.parse import urlsplit

from qdrant_client import AsyncQdrantClient

from rag.errors import ConfigError
from rag.retrieval.qdrant.errors import mapped

DEFAULT_PORT = 6334
#: A server that came back is found within a second (gRPC waits up to two minutes otherwise), and a connection whose
#: other end is gone without a word is noticed.
CHANNEL = {
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 2_000,  # also the longest wait for one connection
    "grpc.max_reconnect_backoff_ms": 1_000,
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 2_000,
}


def connect(url: str, api_key: str | None) -> AsyncQdrantClient:
    """A client for the server; nothing is sent yet.

    Args:
        url: `qdrant://host:port`, or `qdrants://host:port` for TLS. The port is the gRPC one.
        api_key: sent with every request.

    Raises:
        ConfigError: the URL names no host.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError as error:
        raise ConfigError(f"STEADYRAG_INDEX__URL={url!r}: {error}") from None
    if parts.scheme not in ("qdrant", "qdrants") or not host or parts.path.strip("/"):
        raise ConfigError(f"STEADYRAG_INDEX__URL={url!r}: use qdrant://host:6334, or qdrants:// for TLS")
    return AsyncQdrantClient(
        host=host,
        grpc_port=port,
        prefer_grpc=True,
        https=parts.scheme == "qdrants",
        headers={"api-key": api_key} if api_key else None,
        grpc_options=dict(CHANNEL),
        check_compatibility=False,  # it would ask by HTTP, on a port that we do not know
    )


async def version(url: str, api_key: str | None, *, timeout_s: float) -> str:
    """What the server says of itself, once it has answered a question that takes the key.

    Raises:
        ConfigError: the URL names no host.
        Unavailable: it does not answer, or not to us.
    """
    client = connect(url, api_key)
    try:
        async with mapped(f"Qdrant at {url}", timeout_s):
            await client.get_collections()
            return str((await client.info()).version)
    finally:
        await client.close()
