import pytest

from rag.types import Role
from tests.rag.api.test_app import ROUTES
from tests.support.chat import chat_body

pytestmark = pytest.mark.asyncio(loop_scope="session")

ALL = [Role.QUERY, Role.INGEST, Role.ADMIN]
#: What orchestrators and dashboards ask without a key.
OPEN = {"/health", "/ready", "/metrics"}
#: Route -> the role that it needs; what is not named needs the operator.
NEEDS = {
    "/v1/chat/completions": Role.QUERY,
    "/v1/models": Role.QUERY,
    "/v1/models/{name}": Role.QUERY,
    "/v1/search": Role.QUERY,
    "/v1/collections": Role.QUERY,
    "/v1/feedback": Role.QUERY,
    "/v1/jobs/{job_id}": Role.INGEST,
    "/v1/dead-letters": Role.INGEST,
    "/v1/dead-letters/retry": Role.INGEST,
    "/v1/dead-letters/{letter_id}": Role.INGEST,
    "/admin/cache": Role.ADMIN,
    "/admin/keys": Role.ADMIN,
    "/admin/keys/{key_id}": Role.ADMIN,
    "/admin/keys/{key_id}/rotate": Role.ADMIN,
}
BY_METHOD = {"get": Role.QUERY, "post": Role.INGEST, "delete": Role.INGEST}
CALLS = [(method, path) for path, methods in ROUTES.items() if path not in OPEN for method in sorted(methods)]


def needed(method, path):
    return BY_METHOD[method] if path.startswith("/v1/documents") else NEEDS.get(path, Role.OPERATOR)


async def call(http, method, path, token=None, **options):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    path = path.replace("{letter_id}", "1")
    async with http.request(method, path, headers=headers, **options) as response:
        return response.status, await response.json(content_type=None), response.headers


async def test_every_route_is_closed_to_who_has_no_key_and_to_who_lacks_the_role(make_service, client):
    service = await make_service(admin_key="s3cret")
    http = await client(service)
    holders = {role: (await service.access.create("red", [role]))[1] for role in ALL}
    for method, path in CALLS:
        for sent in (None, "wrong", str(holders[Role.QUERY])[:-1] + "~"):
            status, body, headers = await call(http, method, path, sent)
            assert (status, headers["WWW-Authenticate"]) == (401, "Bearer"), (method, path, sent)
            assert "unauthorized" in str(body)
        for role, token in holders.items():
            status, body, _ = await call(http, method, path, token)
            assert (status == 403) == (role != needed(method, path)), (method, path, role, status)
            assert ("forbidden" in str(body)) == (status == 403)


async def test_what_is_open_tells_nothing_of_what_there_is(make_service, client):
    service = await make_service()
    http = await client(service)
    assert (await call(http, "get", "/ready"))[1]["documents"] == 4
    await service.access.create("red", ALL)
    assert (await call(http, "get", "/ready"))[1]["documents"] is None
    assert [(await call(http, "get", path))[0] for path in ("/health", "/ready")] == [200, 200]


async def test_keys_are_made_listed_rotated_and_ended(make_service, client):
    http = await client(await make_service(admin_key="s3cret"))
    body = {"tenant": "red", "roles": ["query", "admin"], "name": "chat", "valid_s": 3_600}
    status, made, headers = await call(http, "post", "/admin/keys", "s3cret", json=body)
    assert (status, headers["cache-control"]) == (201, "no-store")
    assert (made["tenant"], made["roles"], made["valid"]) == ("red", ["admin", "query"], True)
    token = made["key"]
    _, found, _ = await call(http, "get", "/admin/keys", token)
    assert found["keys"] == [{key: value for key, value in made.items() if key != "key"}]
    status, renewed, _ = await call(http, "post", f"/admin/keys/{made['id']}/rotate", token, json={})
    assert status == 201
    assert (await call(http, "get", "/admin/keys", token))[0] == 401
    assert (await call(http, "delete", f"/admin/keys/{renewed['id']}", renewed["key"]))[1]["valid"] is False
    assert (await call(http, "get", "/admin/keys", renewed["key"]))[0] == 401
    assert (await call(http, "delete", "/admin/keys/nobody", "s3cret"))[0] == 404


@pytest.mark.parametrize(
    "body", [{"roles": ["operator"]}, {"roles": []}, {"tenant": "a b"}, {"valid_s": 0}, {"role": "query"}]
)
async def test_what_no_key_can_be(http, body):
    assert (await call(http, "post", "/admin/keys", json=body))[0] == 400


async def test_an_administrator_is_confined_to_the_own_tenant(make_service, client):
    service = await make_service(admin_key="s3cret")
    http = await client(service)
    keys = {tenant: await service.access.create(tenant, ALL) for tenant in ("red", "blue")}
    (_, red), (blue_key, _) = keys["red"], keys["blue"]
    assert (await call(http, "post", "/admin/keys", red, json={"tenant": "blue"}))[0] == 403
    assert (await call(http, "post", "/admin/keys", red, json={}))[1]["tenant"] == "red"
    assert (await call(http, "delete", f"/admin/keys/{blue_key.id}", red))[0] == 404
    assert {key["tenant"] for key in (await call(http, "get", "/admin/keys", red))[1]["keys"]} == {"red"}
    assert len((await call(http, "get", "/admin/keys", "s3cret"))[1]["keys"]) == 3
    assert (await call(http, "get", "/admin/cache?tenant=blue", red))[0] == 403
    assert set((await call(http, "get", "/admin/cache", red))[1]) == {"selected", "answers"}


async def test_a_tenant_meets_its_own_documents_answers_and_jobs_only(make_service, client):
    service = await make_service(admin_key="s3cret")
    http = await client(service)
    tokens = {tenant: (await service.access.create(tenant, ALL))[1] for tenant in ("red", "blue")}
    jobs, requests = {}, {}
    for tenant, token in tokens.items():
        documents = [{"id": "tower", "text": f"The Fernmelde tower is painted {tenant}."}]
        _, job, _ = await call(http, "post", "/v1/documents", token, json={"documents": documents})
        jobs[tenant] = job["id"]
        while job["status"] != "done":
            _, job, _ = await call(http, "get", f"/v1/jobs/{job['id']}", token)
    for _ in range(2):
        for tenant, token in tokens.items():
            body = chat_body("Which colour is the Fernmelde tower painted?")
            _, answer, headers = await call(http, "post", "/v1/chat/completions", token, json=body)
            assert f"painted {tenant}" in answer["choices"][0]["message"]["content"]
            requests[tenant] = headers["x-request-id"]
            _, found, _ = await call(http, "post", "/v1/search", token, json={"query": "tower"})
            assert [each["text"] for each in found["results"]] == [f"The Fernmelde tower is painted {tenant}."]
    assert headers["x-steadyrag-cache"] == "exact"
    down = {"request_id": requests["blue"], "rating": "down"}
    assert (await call(http, "post", "/v1/feedback", tokens["red"], json=down))[0] == 404
    assert (await call(http, "get", f"/v1/jobs/{jobs['blue']}", tokens["red"]))[0] == 404
    _, stored, _ = await call(http, "get", "/admin/cache", tokens["red"])
    assert [each["scope"]["space"]["tenant"] for each in stored["answers"]] == ["red"]
    assert (await call(http, "delete", "/admin/cache?older_than_s=0", tokens["red"]))[1] == {"forgotten": 1}
    assert (await call(http, "get", "/admin/cache", tokens["blue"]))[1]["selected"] == 1
