import pytest

from rag.api.app import create_app
from rag.telemetry.metrics import Metrics
from rag.types import ANONYMOUS, Space
from rag.version import __version__

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEFAULT = Space(ANONYMOUS.tenant, "default")
ROUTES = {
    "/v1/chat/completions": {"post"},
    "/v1/models": {"get"},
    "/v1/models/{name}": {"get"},
    "/v1/search": {"post"},
    "/v1/documents": {"get", "post"},
    "/v1/documents/{document_id}": {"get", "delete"},
    "/v1/jobs/{job_id}": {"get"},
    "/v1/dead-letters": {"get"},
    "/v1/dead-letters/retry": {"post"},
    "/v1/dead-letters/{letter_id}": {"delete"},
    "/v1/collections": {"get"},
    "/health": {"get"},
    "/ready": {"get"},
    "/metrics": {"get"},
    "/admin/breakers": {"get"},
    "/admin/cache": {"get", "delete"},
    "/v1/feedback": {"post"},
    "/admin/breakers/{name}": {"post"},
    "/admin/backup": {"get"},
    "/admin/index/publish": {"post"},
    "/admin/settings": {"get"},
    "/admin/keys": {"get", "post"},
    "/admin/keys/{key_id}": {"delete"},
    "/admin/keys/{key_id}/rotate": {"post"},
}


async def test_the_document_has_every_route(http):
    async with http.get("/openapi.json") as response:
        document = await response.json()
    assert document["info"] == {"title": "steadyrag", "version": __version__}
    assert {path: set(methods) for path, methods in document["paths"].items()} == ROUTES


async def test_the_document_describes_the_bodies_that_routes_read_by_themselves(http):
    async with http.get("/openapi.json") as response:
        document = await response.json()
    for path, field in (("chat/completions", "messages"), ("search", "query"), ("documents", "documents")):
        schema = document["paths"][f"/v1/{path}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert field in schema["properties"]
    assert not unresolved(document, document["components"]["schemas"])


def unresolved(node, schemas):
    """The references below `node` that name no schema."""
    if isinstance(node, list):
        return [name for item in node for name in unresolved(item, schemas)]
    if not isinstance(node, dict):
        return []
    named = node.get("$ref")
    missing = [named] if isinstance(named, str) and named.rpartition("/")[2] not in schemas else []
    return missing + [name for value in node.values() for name in unresolved(value, schemas)]


async def test_the_document_is_made_once(service):
    app = create_app(service, Metrics())
    assert app.openapi() is app.openapi()


async def test_what_is_held_and_what_protects_it_is_exported(http):
    async with http.get("/metrics") as response:
        text = await response.text()
    guards = ('steadyrag_limit{name="answers"}', 'steadyrag_breaker_state{name="lexical"}')
    for name in ("steadyrag_cache_entries", "steadyrag_cache_bytes", "steadyrag_log_position", *guards):
        assert f"\n{name} " in text


async def test_the_lifespan_starts_the_worker(make_service, client):
    service = await make_service(documents=())
    http = await client(service)
    body = {"documents": [{"id": "a", "text": "A document."}]}
    async with http.post("/v1/documents", json=body) as response:
        assert response.status == 202
    assert await stored(service, "a")


async def stored(service, document_id):
    """Whether the document is there, once its job is done."""
    while await service.jobs.next(timeout_s=5) is not None:
        pass
    return await service.store.document(DEFAULT, document_id, timeout_s=5) is not None
