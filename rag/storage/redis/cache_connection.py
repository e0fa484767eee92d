"""The answer cache's own connection to Redis: to one server, or to a Cluster."""

from __future__ import annotations

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rag.errors import ConfigError
from rag.storage.redis.connection import SOCKET_TIMEOUT_S, connect

#: `redis+cluster://host:port`, of any of its nodes; `rediss+cluster://` with TLS.
CLUSTER = "+cluster://"
#: Looks for the node that has the keys by now, after a fail-over or a move; each within the timeout.
CLUSTER_TRIES = 2

Client = Redis | RedisCluster


def connect_cache(url: str) -> Client:
    """A client of the server or the Cluster at `url`; connects when it is first used.

    Raises:
        ConfigError: it is no Redis URL.
    """
    if CLUSTER not in url:
        return connect(url)
    try:
        return RedisCluster.from_url(
            url.replace(CLUSTER, "://"),
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=SOCKET_TIMEOUT_S,
            retry=Retry(NoBackoff(), CLUSTER_TRIES),
        )
    except ValueError as error:
        raise ConfigError(f"{url!r} is no Redis URL: {error}") from error
