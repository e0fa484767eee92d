import pytest

from chaos.lab.qdrant.server import VERSION, serving
from rag.errors import ConfigError, DependencyFailed
from rag.retrieval.qdrant.connection import connect, version
from rag.retrieval.qdrant.points import QdrantIndex
from tests.contracts.passage_index import found
from tests.support import qdrant


@pytest.mark.parametrize(
    "url",
    ["qdrant:", "qdrant://", "http://host:6334", "qdrant://host:many", "qdrant://host:70000", "qdrant://host/path"],
)
def test_a_url_that_names_no_server_is_told(url):
    with pytest.raises(ConfigError, match="STEADYRAG_INDEX__URL="):
        connect(url, None)


async def test_the_key_is_sent(scratch):
    async with serving(scratch, api_key="secret") as server:
        async with qdrant.connected(server.url, "secret") as client:
            assert not await client.collection_exists("any")
        async with qdrant.connected(server.url, "wrong") as client:
            with pytest.raises(DependencyFailed, match="UNAUTHENTICATED"):
                await found(QdrantIndex(client, "any"))


async def test_tls_is_spoken_when_the_scheme_asks_for_it(scratch):
    async with serving(scratch) as server, qdrant.connected(server.url.replace("qdrant:", "qdrants:")) as client:
        with pytest.raises(DependencyFailed, match=r"UNAVAILABLE.*(SSL|TLS|tls)"):
            await found(QdrantIndex(client, "any"))


async def test_the_version_is_told_to_who_has_the_key(scratch):
    async with serving(scratch, api_key="secret") as server:
        assert await version(server.url, "secret", timeout_s=10) == VERSION
        with pytest.raises(DependencyFailed, match="UNAUTHENTICATED"):
            await version(server.url, None, timeout_s=10)
