import pytest

QUESTION = {"messages": [{"role": "user", "content": "How tall is the Eiffel Tower?"}]}

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_breakers_are_shown(http):
    async with http.get("/admin/breakers") as response:
        assert response.status == 200
        body = await response.json()
    names = {breaker["name"] for breaker in body["breakers"]}
    assert {"embedder", "index:0", "index:1", "lexical", "store", "model:small", "model:large"} == names
    assert "answers" in {limiter["name"] for limiter in body["limiters"]}


async def test_a_forced_breaker_costs_a_label_and_not_the_answer(make_service, client):
    http = await client(await make_service())
    async with http.post("/admin/breakers/index:0", json={"state": "open", "for_s": 60}) as response:
        assert (await response.json())["state"] == "open"
    question = {"messages": [{"role": "user", "content": "How tall is the Eiffel Tower?"}]}
    async with http.post("/v1/chat/completions", json=question) as response:
        assert response.status == 200
        assert response.headers["x-steadyrag-degraded"] == "dense-unavailable"
        assert (await response.json())["steadyrag"]["degraded"] == ["dense-unavailable"]
    async with http.post("/admin/breakers/index:0", json={"state": "closed", "for_s": 0}) as response:
        assert (await response.json())["state"] == "closed"
    async with http.post("/v1/chat/completions", json=question) as response:
        assert (await response.json())["steadyrag"]["degraded"] == []


async def test_wrong_words_are_refused(http):
    for name, body, status in (
        ("nobody", {"state": "open"}, 404),
        ("store", {"state": "ajar"}, 400),
        ("store", {"state": "open", "for_s": -1}, 400),
    ):
        async with http.post(f"/admin/breakers/{name}", json=body) as response:
            assert response.status == status


async def test_an_embedded_index_has_no_alias_to_publish(http):
    async with http.post("/admin/index/publish") as response:
        assert response.status == 404
        assert "no alias" in (await response.json())["detail"]


async def test_stored_answers_are_shown_and_forgotten(make_service, client):
    http = await client(await make_service())
    await http.post("/v1/chat/completions", json=QUESTION)
    async with http.get("/admin/cache", params={"document": "tower", "limit": 1}) as response:
        body = await response.json()
    (stored,) = body["answers"]
    assert (body["entries"], body["selected"]) == (1, 1)
    assert (stored["question"], stored["outdated"]) == ("how tall is the eiffel tower", False)
    assert "tower" in stored["documents"]
    for params, forgotten in (({"document": "nothing"}, 0), ({"tenant": "default", "collection": "default"}, 1)):
        async with http.delete("/admin/cache", params=params) as response:
            assert (await response.json()) == {"forgotten": forgotten}
    async with http.post("/v1/chat/completions", json=QUESTION) as response:
        assert response.headers["x-steadyrag-cache"] == "miss"


@pytest.mark.parametrize("params", [{}, {"older_than_s": "-1"}, {"documents": "a"}])
async def test_what_to_forget_must_be_named(http, params):
    async with http.delete("/admin/cache", params=params) as response:
        assert response.status == 400


async def test_with_a_key_nobody_else_may_look_or_touch(make_service, client):
    http = await client(await make_service(admin_key="s3cret"))
    for sent, status in ((None, 401), ("Bearer wrong", 401), ("Bearer s3cret", 200)):
        headers = {"Authorization": sent} if sent else {}
        async with http.get("/admin/breakers", headers=headers) as response:
            assert response.status == status
        async with http.post("/admin/breakers/store", json={"state": "closed"}, headers=headers) as response:
            assert response.status == status
