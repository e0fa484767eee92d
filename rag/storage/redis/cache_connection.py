"""The answer cache's own connection to Redis: to one server, or to a Cluster."""

from __future__ import annotations

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rag.errors import ConfigError
from rag.storage.redis.connection import connect

#: `redis+cluster://host:port`, of any of its nodes; `rediss+cluster://` with TLS.
CLUSTER = "+cluster://"
#: Looks for the node that has the keys by now, after a fail-over or a move; each within the timeout.
CLUSTER_TRIES = 2

Client = Redis | RedisCluster


def connect_cache(url: str, timeout_s: float) -> Client:
    """A client of the server or the Cluster at `url`; connects when it is first used.

    Raises:
        ConfigError: it is no Redis URL.
    """
    if CLUSTER not in url:
        return connect(url, timeout_s)
    try:
        return RedisCluster.from_url(
            url.replace(CLUSTER, "://"),
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), CLUSTER_TRIES),
        )
    except ValueError as error:
        raise ConfigError(f"{url!r} is no Redis URL: {error}") from error
