import re
from contextlib import aclosing

import pytest

from rag.pipeline.request import Ask, Delta
from rag.types import Deadline, Role, Scope, Space
from router.types import Chunk, Message, TokenUsage
from tests.support.chat import ROUTE, chat_body, complete
from tests.support.chat import stream as streamed
from tests.support.clock import FakeClock
from tests.support.corpus import QUESTION

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEARCH = "/v1/search"
FOUND = {"query": QUESTION}
COMPUTED = chat_body(QUESTION, cache="no-store")
#: Nothing listens there.
NOWHERE = "redis://127.0.0.1:1"
HOUR = {"window_s": 3_600}


class Says:
    """A model that tells what it used with its last words, if anybody listens so long."""

    name = "says"

    async def stream(self, prompt, *, timeout_s):
        yield Chunk("It is 330 ")
        yield Chunk("metres tall. [1]", "stop", TokenUsage(90, 7))

    async def aclose(self):
        pass


@pytest.fixture
def limited(make_service):
    async def make(*, priced=0.0, **quotas):
        registry = {"says": {"url": "http://127.0.0.1:9/v1#says", "output_price": priced}}
        return await make_service(
            clock=FakeClock(),
            wrap=lambda seam, adapter: Says() if seam.startswith("model:") else adapter,
            models={"small": "says", "large": "says", "registry": registry},
            quotas=quotas,
            resilience={"quotas_timeout_s": 10},
        )

    return make


async def post(http, route, body, key=None):
    """Status, JSON and headers of the reply."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with http.post(route, json=body, headers=headers) as response:
        return response.status, await response.json(), response.headers


async def test_every_answer_tells_how_the_limits_stand(limited, client):
    service = await limited(
        key={"requests": 3, **HOUR}, tenant={"requests": 60, "tokens_a_day": 1_000, "cost_a_day": 1}
    )
    service.clock.now_s = 86_400.0 * 100 + 80_000
    http = await client(service)
    status, _, headers = await post(http, SEARCH, FOUND)
    assert status == 200
    assert headers["RateLimit-Policy"] == '"key-requests";q=3;w=3600, "tenant-requests";q=60;w=60'
    assert headers["RateLimit"] == '"key-requests";r=2;t=1200, "tenant-requests";r=59;t=1'
    status, _, headers = await post(http, ROUTE, COMPUTED)
    assert status == 200
    assert headers["RateLimit-Policy"].endswith('"tenant-tokens";q=1000;w=86400;qu="tokens"')
    assert headers["RateLimit"].endswith('"tenant-tokens";r=1000;t=6400')
    _, _, headers = await post(http, SEARCH, {"query": ""})
    assert '"key-requests";r=0;t=1200' in headers["RateLimit"], "an error is a request, too"


@pytest.mark.parametrize(("route", "body"), [(SEARCH, FOUND), (ROUTE, COMPUTED)])
async def test_too_many_requests_are_refused_in_the_format_of_the_route(limited, client, route, body):
    http = await client(await limited(key={"requests": 1, **HOUR}))
    assert (await post(http, route, body))[0] == 200
    status, refused, headers = await post(http, route, body)
    assert (status, headers["Retry-After"]) == (429, "3600")
    assert headers["RateLimit"] == '"key-requests";r=0;t=3600'
    if route == ROUTE:
        told = refused["error"]
        assert (told["type"], told["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    else:
        assert headers["Content-Type"] == "application/problem+json"
        assert (refused["code"], refused["title"]) == ("rate_limit_exceeded", "Too Many Requests")


async def test_reading_and_administration_are_not_counted(limited, client):
    http = await client(await limited(key={"requests": 1, **HOUR}))
    assert (await post(http, SEARCH, FOUND))[0] == 200
    for path in ("/v1/models", "/v1/collections", "/admin/keys", "/health"):
        async with http.get(path) as response:
            assert (response.status, "RateLimit" in response.headers) == (200, False), path
    assert (await post(http, "/admin/keys", {"tenant": "red"}))[0] == 201


async def test_keys_do_not_take_from_each_other_and_a_wrong_one_takes_nothing(limited, client):
    service = await limited(key={"requests": 1, **HOUR})
    http = await client(service)
    tokens = [(await service.access.create("red", [Role.QUERY]))[1] for _ in range(2)]
    assert (await post(http, SEARCH, FOUND, "wrong"))[0] == 401
    assert [(await post(http, "/v1/models/x", FOUND, token))[0] for token in tokens] == [405, 405]
    statuses = [(await post(http, SEARCH, {**FOUND, "top_k": 1}, token))[0] for token in (*tokens, *tokens)]
    assert statuses == [200, 200, 429, 429]


@pytest.mark.parametrize("ask", [complete, streamed])
async def test_a_budget_is_charged_with_the_answer_and_refuses_the_next(limited, client, ask):
    service = await limited(key={"tokens_a_day": 97})
    http = await client(service)
    await ask(http, COMPUTED | ({"stream": True} if ask is streamed else {}))
    status, refused, headers = await post(http, ROUTE, COMPUTED)
    assert (status, refused["error"]["code"]) == (429, "insufficient_quota")
    assert headers["RateLimit"].startswith('"key-tokens";r=0;')
    assert (await post(http, SEARCH, FOUND))[0] == 200, "a search costs no tokens"
    service.clock.advance(86_400)
    assert (await post(http, ROUTE, COMPUTED))[0] == 200


async def test_a_stored_answer_costs_nothing(limited, client):
    http = await client(await limited(key={"cost_a_day": 0.001}, priced=100.0))
    for _ in range(2):
        await complete(http, chat_body(QUESTION))
    replies = [await post(http, ROUTE, chat_body(QUESTION)) for _ in range(2)]
    assert {reply[2]["x-steadyrag-cache"] for reply in replies} == {"exact"}
    assert (await post(http, ROUTE, COMPUTED))[0] == 200, "0.0007 of 0.001"
    assert (await post(http, ROUTE, COMPUTED))[0] == 429


async def test_an_answer_that_is_broken_off_is_charged_for_what_there_is_of_it(limited, client):
    service = await limited(key={"tokens_a_day": 1})
    principal = service.access.principal(None)
    ask = Ask(
        principal=principal,
        scope=Scope(Space(principal.tenant, "default"), "steadyrag", ""),
        deadline=Deadline.after(30, service.clock),
        request_id="req_1",
        messages=(Message("user", QUESTION),),
        cache="no-store",
    )
    async with aclosing(service.pipeline.run(ask)) as events:
        async for event in events:
            if isinstance(event, Delta):
                break
    assert (await post(await client(service), ROUTE, COMPUTED))[0] == 429


async def test_while_the_store_is_gone_answers_are_labelled(limited, client):
    service = await limited(store=NOWHERE, key={"requests": 3, **HOUR})
    http = await client(service)
    status, reply, headers = await post(http, ROUTE, COMPUTED)
    assert (status, reply["steadyrag"]["degraded"]) == (200, ["limits-unavailable"])
    assert headers["x-steadyrag-degraded"] == "limits-unavailable"
    status, reply, headers = await post(http, SEARCH, FOUND)
    assert (status, reply["degraded"]) == (200, ["limits-unavailable"])
    assert headers["x-steadyrag-degraded"] == "limits-unavailable"
    assert (await post(http, SEARCH, FOUND))[0] == 200
    assert (await post(http, SEARCH, FOUND))[0] == 429, "this replica's own count holds"


async def test_where_limits_are_strict_nobody_is_let_in_while_the_store_is_gone(limited, client):
    http = await client(await limited(store=NOWHERE, fail="closed", key={"requests": 3}))
    for route, body in ((SEARCH, FOUND), (ROUTE, COMPUTED)):
        status, refused, headers = await post(http, route, body)
        assert status == 503
        assert int(headers["Retry-After"]) >= 1
        assert "dependency_failed" in str(refused)


async def test_metrics_tell_of_limits_and_refusals_by_route(make_service, client):
    http = await client(await make_service(quotas={"key": {"requests": 1, **HOUR}}, clock=FakeClock()))
    for _ in range(2):
        await post(http, SEARCH, FOUND)
    async with http.get("/metrics") as response:
        text = await response.text()
    for sample in (
        'steadyrag_limit_quota{policy="key-requests"} 1.0',
        'steadyrag_limit_refusals_total{reason="key-requests"} 1.0',
        'steadyrag_limit_refusals_total{reason="tenant-cost"} 0.0',
        'steadyrag_limit_used_share_count{policy="key-requests"} 2.0',
        'steadyrag_requests_total{route="/v1/search",status="429"} 1.0',
    ):
        assert re.search(f"^{re.escape(sample)}$", text, re.M), sample


async def test_where_nobody_is_limited_nothing_stands_in_the_way(service, http):
    assert service.limiter is None
    assert "RateLimit" not in (await post(http, SEARCH, FOUND))[2]
