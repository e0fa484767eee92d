import pytest

from rag.errors import InvalidRequest
from tests.support.failing import Failing
from tests.support.jobs import accepted, finished

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENTS = {"collection": "odd", "documents": [{"id": "a", "text": "One."}, {"id": "b", "text": "Two."}]}


async def call(http, method, path, **sent):
    async with http.request(method, path, **sent) as response:
        return response.status, await response.json()


async def failed(make_service, client):
    """A client of a service whose writer refused two documents, the job, and the writer, which works again."""
    service = await make_service(documents=())
    writer = Failing(service.writer)
    writer.fail("put", InvalidRequest("it is odd"), times=3)
    service.worker._writer = writer
    http = await client(service)
    return http, await finished(http, await accepted(http, DOCUMENTS))


async def test_what_failed_is_listed_and_can_be_retried(make_service, client):
    http, job = await failed(make_service, client)
    reasons = [{"document_id": key, "reason": "it is odd", "attempts": 2} for key in "ab"]
    assert (job["status"], job["failures"]) == ("failed", reasons)
    status, body = await call(http, "GET", "/v1/dead-letters")
    first, second = body["dead_letters"]
    assert (status, body["next"]) == (200, None)
    assert (first["document_id"], first["job_id"], first["collection"], first["reason"], first["attempts"]) == (
        "a",
        job["id"],
        "odd",
        "it is odd",
        2,
    )
    _, page = await call(http, "GET", "/v1/dead-letters", params={"limit": 1})
    assert (page["dead_letters"], page["next"]) == ([first], first["id"])
    _, page = await call(http, "GET", "/v1/dead-letters", params={"limit": 1, "after": page["next"]})
    assert page["dead_letters"] == [second]

    status, body = await call(http, "POST", "/v1/dead-letters/retry", json={"ids": [first["id"], second["id"]]})
    assert status == 202
    (again,) = body["jobs"]
    again = await finished(http, again)
    assert (again["status"], again["total"], again["collection"]) == ("done", 2, "odd")
    assert (await call(http, "GET", "/v1/documents/b", params={"collection": "odd"}))[0] == 200
    assert (await call(http, "GET", "/v1/dead-letters"))[1] == {"dead_letters": [], "next": None}


async def test_a_dead_letter_can_be_discarded(make_service, client):
    http, _ = await failed(make_service, client)
    _, body = await call(http, "GET", "/v1/dead-letters")
    path = f"/v1/dead-letters/{body['dead_letters'][0]['id']}"
    assert (await call(http, "DELETE", path))[0] == 200
    status, problem = await call(http, "DELETE", path)
    assert (status, problem["code"]) == (404, "not_found")
    assert len((await call(http, "GET", "/v1/dead-letters"))[1]["dead_letters"]) == 1


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": [-1]}, {"ids": ["1"]}, {"ids": [2**63]}, {"all": True}])
async def test_a_retry_that_does_not_fit(http, body):
    status, problem = await call(http, "POST", "/v1/dead-letters/retry", json=body)
    assert (status, problem["code"]) == (400, "invalid_request")


async def test_retrying_what_there_is_not_makes_no_job(http):
    assert await call(http, "POST", "/v1/dead-letters/retry", json={"ids": [2**63 - 1]}) == (202, {"jobs": []})
