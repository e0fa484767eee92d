import pytest

from tests.rag.api.test_admin import QUESTION

pytestmark = pytest.mark.asyncio(loop_scope="session")
SIMILAR = {"messages": [{"role": "user", "content": "Please tell me: how tall is the Eiffel Tower?"}]}


async def ask(http, question):
    async with http.post("/v1/chat/completions", json=question) as response:
        return response.headers["x-steadyrag-cache"], response.headers["x-request-id"]


async def rate(http, request_id, rating="down"):
    async with http.post("/v1/feedback", json={"request_id": request_id, "rating": rating}) as response:
        return response.status, await response.json()


async def test_a_thumbs_down_evicts_the_answer_and_a_thumbs_up_does_not(make_service, client):
    http = await client(await make_service())
    _, first = await ask(http, QUESTION)
    assert await rate(http, first, "up") == (200, {"request_id": first, "rating": "up", "evicted": 0})
    verdict, second = await ask(http, QUESTION)
    assert verdict == "exact"
    assert (await rate(http, second))[1]["evicted"] == 1
    assert (await ask(http, QUESTION))[0] == "miss"


async def test_an_answer_that_was_wrong_for_a_similar_question_is_not_served_for_it_again(make_service, client):
    http = await client(await make_service())
    await ask(http, QUESTION)
    verdict, similar = await ask(http, SIMILAR)
    assert verdict == "semantic"
    assert (await rate(http, similar))[1]["evicted"] == 1
    assert [(await ask(http, question))[0] for question in (QUESTION, SIMILAR)] == ["miss", "miss"]


async def test_a_request_that_nobody_made_is_not_found(http):
    status, body = await rate(http, "req_unknown")
    assert (status, body["code"]) == (404, "not_found")


@pytest.mark.parametrize("body", [{"rating": "down"}, {"request_id": "r", "rating": "sideways"}, {"request_id": "r"}])
async def test_what_is_no_feedback_is_refused(http, body):
    async with http.post("/v1/feedback", json=body) as response:
        assert response.status == 400
