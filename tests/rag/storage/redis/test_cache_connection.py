from __future__ import annotations

import pytest
from redis.asyncio import Redis, RedisCluster

from rag.errors import ConfigError
from rag.storage.redis.cache_connection import connect_cache


def test_the_url_says_what_it_is() -> None:
    assert isinstance(connect_cache("redis://127.0.0.1:1", 0.05), Redis)
    assert isinstance(connect_cache("redis+cluster://127.0.0.1:1", 0.05), RedisCluster)


@pytest.mark.parametrize("url", ["http://localhost", "http+cluster://localhost"])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ConfigError, match="no Redis URL"):
        connect_cache(url, 0.05)
