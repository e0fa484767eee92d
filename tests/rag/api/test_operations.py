import pytest

from rag.disclosed import disclosed
from rag.errors import DependencyTimeout
from rag.version import __version__
from tests.support.chat import chat_body, complete
from tests.support.corpus import QUESTION
from tests.support.failing import Failing
from tests.support.jobs import add

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def get(http, path):
    async with http.get(path) as response:
        return response.status, await response.json()


async def test_health(http):
    assert await get(http, "/health") == (200, {"status": "alive", "version": __version__})


async def test_ready(make_service, client):
    http = await client(await make_service(documents=()))
    body = {"ready": True, "checks": {"document_log": "ok", "embedder": "ok"}, "documents": 0}
    assert await get(http, "/ready") == (200, body)
    await add(http, "one", ("a", "One."), ("b", "Two."))
    await add(http, "two", ("a", "Three."))
    assert (await get(http, "/ready"))[1]["documents"] == 3
    async with http.delete("/v1/documents/a?collection=two"):
        assert (await get(http, "/ready"))[1]["documents"] == 2


async def test_settings_are_told_to_the_administrator_without_secrets(make_service, client):
    service = await make_service(documents=(), admin_key="s3cret")
    http = await client(service)
    assert (await get(http, "/admin/settings"))[0] == 401
    async with http.get("/admin/settings", headers={"Authorization": "Bearer s3cret"}) as response:
        told = await response.json()
    assert told == {"settings": disclosed(service.settings)}
    assert "s3cret" not in str(told)


async def test_an_embedder_that_does_not_answer_is_named_and_takes_no_replica_out(make_service, client):
    parts = {}

    def wrap(seam, adapter):
        return parts.setdefault(seam, Failing(adapter))

    http = await client(await make_service(wrap=wrap, documents=()))
    parts["embedder"].fail("embed", DependencyTimeout("embedding took longer than 2.00 s"))
    status, body = await get(http, "/ready")
    assert status == 200
    assert body == {
        "ready": True,
        "checks": {"document_log": "ok", "embedder": "embedding took longer than 2.00 s"},
        "documents": 0,
    }


async def test_a_log_that_cannot_be_read_is_named(make_service, client):
    service = await make_service(documents=())
    await service.store._database.write(lambda c: c.executescript("DROP TABLE documents") and None, timeout_s=5)
    status, body = await get(await client(service), "/ready")
    assert (status, body["ready"], body["checks"]["embedder"]) == (503, False, "ok")
    assert body["documents"] is None
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
