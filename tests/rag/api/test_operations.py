import pytest

from rag.errors import DependencyTimeout
from rag.version import __version__
from tests.support.chat import chat_body, complete
from tests.support.corpus import QUESTION
from tests.support.failing import Failing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def get(http, path):
    async with http.get(path) as response:
        return response.status, await response.json()


async def test_health(http):
    assert await get(http, "/health") == (200, {"status": "alive", "version": __version__})


async def test_ready(http):
    assert await get(http, "/ready") == (200, {"ready": True, "checks": {"document_log": "ok", "embedder": "ok"}})


async def test_a_dependency_that_does_not_answer_is_named(make_service, client):
    parts = {}

    def wrap(seam, adapter):
        return parts.setdefault(seam, Failing(adapter))

    http = await client(await make_service(wrap=wrap, documents=()))
    parts["embedder"].fail("embed", DependencyTimeout("embedding took longer than 2.00 s"))
    status, body = await get(http, "/ready")
    assert status == 503
    assert body == {
        "ready": False,
        "checks": {"document_log": "ok", "embedder": "embedding took longer than 2.00 s"},
    }


async def test_a_log_that_cannot_be_read_is_named(make_service, client):
    service = await make_service(documents=())
    await service.store._database.write(lambda c: c.executescript("DROP TABLE documents") and None, timeout_s=5)
    status, body = await get(await client(service), "/ready")
    assert (status, body["ready"], body["checks"]["embedder"]) == (503, False, "ok")
    assert body["checks"]["document_log"] == "the database catalog.db failed: no such table: documents"


async def test_metrics(http):
    await complete(http, chat_body(QUESTION, cache="no-store"))
    async with http.get("/metrics") as response:
        assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
        text = await response.text()
    assert 'steadyrag_requests_total{route="/v1/chat/completions",status="200"}' in text
    assert 'steadyrag_answers_total{answered="true",cache="bypass",model="extractive"}' in text


async def test_ids_and_unknown_paths_are_no_labels(http):
    for path in ("/v1/jobs/job_17", "/v1/documents/a/b.md", "/nowhere/at/all"):
        async with http.get(path) as response:
            assert response.status == 404
    async with http.get("/metrics") as response:
        text = await response.text()
    for route in ("/v1/jobs/{job_id}", "/v1/documents/{document_id:path}", "unmatched"):
        assert f'steadyrag_requests_total{{route="{route}",status="404"}}' in text
    assert not {"job_17", "b.md", "nowhere"} & set(text.replace("/", " ").replace('"', " ").split())


async def test_home_leads_to_the_docs(http):
    async with http.get("/", allow_redirects=False) as response:
        assert (response.status, response.headers["location"]) == (307, "/docs")
    async with http.get("/docs") as response:
        assert response.status == 200
