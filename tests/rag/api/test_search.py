import pytest

from rag.errors import DependencyFailed
from rag.settings import LimitSettings
from tests.support.corpus import QUESTION
from tests.support.failing import Failing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def found(http, query=QUESTION, **fields):
    async with http.post("/v1/search", json={"query": query, **fields}) as response:
        body = await response.json()
        assert response.status == 200, body
        return body


async def refused(http, **fields):
    async with http.post("/v1/search", json=fields) as response:
        body = await response.json()
        return response.status, body["code"], body.get("param")


async def test_the_best_passage_comes_first(http):
    body = await found(http)
    best = body["results"][0]
    assert best["document_id"] == "tower"
    assert best["text"].startswith("The Eiffel Tower is 330 metres tall.")
    assert (best["title"], best["url"], best["heading"]) == ("Eiffel Tower", "https://example.org/tower", "")
    assert best["metadata"] == {"language": "en", "year": 1889}
    scores = [result["score"] for result in body["results"]]
    assert scores == sorted(scores, reverse=True)
    assert body["degraded"] == []
    assert body["timings_ms"]["retrieve"] <= body["timings_ms"]["total"]


async def test_top_k_bounds_the_results(http):
    assert len((await found(http, top_k=2))["results"]) == 2


async def test_headings_stand_beside_the_passage(http):
    best = (await found(http, "What cools the cylinder head?", top_k=1))["results"][0]
    assert (best["document_id"], best["heading"]) == ("guide/engine.md", "Engine")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"language": "de"}, {"bread"}),
        ({"language": ["de", "en"], "year": 1981}, {"reef", "bread"}),
        ({"document_id": ["tower", "reef"]}, {"tower", "reef"}),
        ({"language": "fr"}, set()),
        ({"language": []}, set()),
        ({"no such field": True}, set()),
    ],
)
async def test_filters(http, filters, expected):
    body = await found(http, filters=filters)
    assert {result["document_id"] for result in body["results"]} == expected
    assert body["degraded"] == []


LIMITS = LimitSettings()
WRONG = {
    "no query": ({}, (400, "invalid_request", "query")),
    "an empty query": ({"query": ""}, (400, "invalid_request", "query")),
    "a blank query": ({"query": " \n"}, (400, "invalid_request", "query")),
    "a long query": ({"query": "x" * (LIMITS.question_chars + 1)}, (413, "payload_too_large", "query")),
    "top_k": ({"query": "x", "top_k": LIMITS.top_k + 1}, (400, "invalid_request", "top_k")),
    "an unknown collection": ({"query": "x", "collection": "nowhere"}, (404, "not_found", "collection")),
    "an unknown field": ({"query": "x", "limit": 3}, (400, "invalid_request", "limit")),
}


@pytest.mark.parametrize(("fields", "expected"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_said(http, fields, expected):
    assert await refused(http, **fields) == expected


def broken(*seams):
    """Let the search of these seams fail."""

    def wrap(seam, adapter):
        part = Failing(adapter)
        if seam.partition(":")[0] in seams:
            part.fail("search", DependencyFailed("it is down"))
        return part

    return wrap


@pytest.mark.parametrize(
    ("seam", "label"),
    [("lexical", "lexical-unavailable"), ("index", "dense-unavailable")],
)
async def test_one_index_answers_alone_and_says_so(make_service, client, seam, label):
    http = await client(await make_service(wrap=broken(seam)))
    body = await found(http)
    assert body["degraded"] == [label]
    assert body["results"][0]["document_id"] == "tower"


async def test_without_any_index_it_says_that_it_cannot(make_service, client):
    http = await client(await make_service(wrap=broken("lexical", "index")))
    assert await refused(http, query=QUESTION) == (503, "dependency_failed", None)


async def test_a_time_limit_that_nobody_can_keep_is_the_callers(http):
    unasked = "How deep is the Great Barrier Reef?"  # what was retrieved before may be there in time
    assert await refused(http, query=unasked, timeout_s=1e-4) == (504, "deadline_exceeded", None)
