import asyncio

import pytest

from router.errors import ModelOverloaded, ModelRejected, ModelUnavailable, StreamBroken
from router.types import Chunk
from tests.support.chat import ROUTE, Stream, chat_body, complete, refusal, stream
from tests.support.corpus import ANSWER, QUESTION, UNANSWERABLE
from tests.support.gated_model import WORDS, GatedModel

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Broken:
    """A model that says `words` and then raises `error`."""

    name = "broken"

    def __init__(self, error, *words):
        self._error = error
        self._words = words

    async def stream(self, prompt, *, timeout_s):
        for word in self._words:
            yield Chunk(word)
        raise self._error

    async def aclose(self):
        pass


def answered_by(model):
    return lambda seam, adapter: model if seam.startswith("model:") else adapter


async def test_an_answer_cites_the_passage_that_carries_it(http):
    reply = await complete(http, chat_body(QUESTION))
    (choice,) = reply["choices"]
    assert ANSWER in choice["message"]["content"]
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")
    citation = reply["citations"][0]
    claim = choice["message"]["content"][citation["start"] : citation["end"]]
    assert ANSWER in claim
    assert claim.endswith(citation["marker"])
    cited = next(source for source in reply["sources"] if source["id"] == citation["source"])
    assert cited["document_id"] == "tower"
    assert cited["url"] == "https://example.org/tower"
    assert ANSWER in cited["text"]


async def test_an_answer_says_how_it_came_about(http):
    reply = await complete(http, chat_body(QUESTION, cache="no-store"), **{"X-Request-Id": "from-the-caller"})
    said = reply["steadyrag"]
    assert said["request_id"] == "from-the-caller"
    assert reply["id"] == "chatcmpl-from-the-caller"
    assert said["answered"] is True
    assert said["cache"] == {
        "verdict": "bypass",
        "similarity": None,
        "age_s": None,
        "reason": "asked for by the caller",
    }
    assert said["route"] == {
        "model": "extractive",
        "reason": "default",
        "score": None,
        "tier": "small",
        "rule": "default",
    }
    assert said["cost"] == {"amount": 0.0, "saved": 0.0}
    assert said["degraded"] == []
    assert {"retrieve", "generate", "total"} <= set(said["timings_ms"])  # embedded only what was not asked before
    assert reply["model"] == "extractive"


async def test_usage_adds_up(http):
    usage = (await complete(http, chat_body(QUESTION)))["usage"]
    assert usage["prompt_tokens"] > 0
    assert usage["completion_tokens"] > 0
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}


async def test_headers_say_the_same_as_the_body(http):
    async with http.post(ROUTE, json=chat_body(QUESTION, cache="no-store")) as response:
        reply = await response.json()
        assert response.headers["x-steadyrag-cache"] == "bypass"
        assert response.headers["x-steadyrag-model"] == "extractive"
        assert response.headers["x-steadyrag-degraded"] == ""
        assert response.headers["x-request-id"] == reply["steadyrag"]["request_id"]
        assert response.headers["content-type"] == "application/json"


async def test_a_question_that_the_documents_do_not_answer_is_refused_and_not_kept(http):
    for _ in range(2):
        reply = await complete(http, chat_body(UNANSWERABLE))
        assert reply["steadyrag"]["answered"] is False
        assert reply["steadyrag"]["cache"]["verdict"] == "miss"
        assert reply["citations"] == []
        assert "could not find" in reply["choices"][0]["message"]["content"]


async def test_the_second_time_the_answer_is_the_stored_one(http):
    question = "When was the Eiffel Tower opened in Paris?"
    first = await complete(http, chat_body(question))
    second = await complete(http, chat_body(question.lower()))
    assert first["steadyrag"]["cache"]["verdict"] == "miss"
    assert second["steadyrag"]["cache"]["verdict"] == "exact"
    assert second["steadyrag"]["cache"]["similarity"] == 1.0
    assert second["steadyrag"]["cache"]["age_s"] >= 0
    for part in ("choices", "citations", "sources", "usage"):
        assert second[part] == first[part]
    assert second["steadyrag"]["request_id"] != first["steadyrag"]["request_id"]


async def test_a_stored_answer_is_replayed_as_a_real_stream(http):
    question = "What does sourdough bread rise by?"
    first = await stream(http, chat_body(question, stream=True))
    second = await stream(http, chat_body(question, stream=True))
    whole = await complete(http, chat_body(question))
    assert [each.finished[0]["steadyrag"]["cache"]["verdict"] for each in (first, second)] == ["miss", "exact"]
    assert first.text == second.text == whole["choices"][0]["message"]["content"]
    assert second.finished[0]["citations"] == whole["citations"]
    assert (second.events[0]["choices"][0]["delta"], second.done) == ({"role": "assistant", "content": ""}, True)


async def test_a_stream_ends_with_citations_usage_and_done(http):
    reply = await stream(http, chat_body(QUESTION, stream=True, usage=True))
    assert reply.done
    assert ANSWER in reply.text
    first, *_, last, usage = reply.events
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert reply.finished == [last]
    assert last["usage"] is None
    assert last["citations"]
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] > 0
    for part in ("citations", "sources", "steadyrag"):
        assert usage[part] == last[part]
    assert len({event["id"] for event in reply.events}) == 1


async def test_a_stream_without_usage_has_no_usage_chunk(http):
    reply = await stream(http, chat_body(QUESTION, stream=True))
    assert reply.events[-1] == reply.finished[0]
    assert not any("usage" in event for event in reply.events)


async def test_a_refusal_streams_empty_citations(http):
    reply = await stream(http, chat_body(UNANSWERABLE, stream=True))
    assert reply.finished[0]["citations"] == []
    assert reply.finished[0]["steadyrag"]["answered"] is False


async def test_stream_headers_keep_proxies_from_buffering(http):
    async with http.post(ROUTE, json=chat_body(QUESTION, stream=True)) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-accel-buffering"] == "no"
        assert "content-length" not in response.headers
        assert response.headers["x-steadyrag-cache"] in {"miss", "exact"}
        assert Stream.parse(await response.read()).done


async def test_only_a_stored_answer(http):
    question = "Who invented the diesel engine?"
    assert (await refusal(http, chat_body(question, cache="only")))[0] == 504
    await complete(http, chat_body(question))
    reply = await complete(http, chat_body(question, cache="only"))
    assert reply["steadyrag"]["cache"]["verdict"] == "exact"


async def test_a_follow_up_is_answered_from_what_it_refers_to_and_bypasses_the_cache(http):
    turns = (QUESTION, f"It is {ANSWER} tall. [1]", "And when was it opened?")
    reply = await complete(http, chat_body(*turns))
    assert "1889" in reply["choices"][0]["message"]["content"]
    assert reply["steadyrag"]["cache"]["verdict"] == "bypass"


async def test_filters_limit_the_sources(http):
    reply = await complete(http, chat_body(QUESTION, filters={"language": "de"}, cache="no-store"))
    assert {source["document_id"] for source in reply["sources"]} <= {"bread"}
    assert reply["steadyrag"]["answered"] is False


async def test_models_are_listed_as_the_api_of_openai_does(http):
    async with http.get("/v1/models") as response:
        listed = await response.json()
    assert [model["id"] for model in listed["data"]] == ["steadyrag", "steadyrag-small", "steadyrag-large"]
    async with http.get("/v1/models/steadyrag-large") as response:
        assert await response.json() == listed["data"][2]
    (told,) = listed["data"][2]["steadyrag"]["large"]
    assert told == {
        "model": "extractive",
        "version": "",
        "users": 1.0,
        "price": {"input": 0.0, "output": 0.0},
        "context_tokens": None,
    }
    assert listed["data"][0]["steadyrag"].keys() == {"small", "large"}


async def test_an_unknown_model_is_not_found(http):
    async with http.get("/v1/models/gpt-4/turbo") as response:
        assert response.status == 404
        error = (await response.json())["error"]
    assert error["code"] == "not_found"


async def test_a_named_model_is_the_one_asked(make_service, client):
    async with GatedModel() as model:
        model.release.set()
        http = await client(await make_service(models={"large": model.url}))
        small = await complete(http, chat_body(QUESTION, model="small"))
        large = await complete(http, {**chat_body(QUESTION), "model": "steadyrag-large", "temperature": 0.5, "seed": 7})
    assert small["model"] == "extractive"
    assert large["model"] == "gated"
    assert large["choices"][0]["message"]["content"] == "".join(WORDS)
    assert large["usage"] == {
        "prompt_tokens": 90,
        "completion_tokens": 7,
        "total_tokens": 97,
        "prompt_tokens_details": {"cached_tokens": 64},
    }
    (body,) = model.bodies
    assert (body["temperature"], body["seed"]) == (0.5, 7)
    assert QUESTION in body["messages"][-1]["content"]


async def test_words_are_sent_as_the_model_says_them(make_service, client):
    async with GatedModel() as model:
        http = await client(await make_service(models={"small": model.url}))
        async with http.post(ROUTE, json=chat_body(QUESTION, stream=True)) as response:
            body = b""
            while WORDS[0].encode() not in body:
                body += await response.content.readany()
            assert not model.release.is_set()
            model.release.set()
            body += await response.read()
    assert Stream.parse(body).text == "".join(WORDS)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ModelUnavailable("refused", model="broken"), 503, "dependency_failed"),
        (ModelOverloaded("429", model="broken"), 503, "overloaded"),
        (ModelRejected("too long", model="broken"), 400, "invalid_request"),
        (StreamBroken("reset", model="broken"), 503, "dependency_failed"),
    ],
)
async def test_a_models_error_is_an_error_of_ours(make_service, client, error, status, code):
    http = await client(await make_service(wrap=answered_by(Broken(error))))
    answer = await refusal(http, chat_body(QUESTION))
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert answer[1]["message"] == f"model broken: {error.message}"


async def test_a_stream_that_breaks_says_so_and_does_not_say_done(make_service, client):
    broken = Broken(StreamBroken("reset", model="broken"), "The tower ")
    http = await client(await make_service(wrap=answered_by(broken)))
    reply = await stream(http, chat_body(QUESTION, stream=True))
    assert reply.text == "The tower "
    assert reply.events[-1]["error"]["code"] == "dependency_failed"
    assert not reply.done
    again = await stream(http, chat_body(QUESTION, stream=True))
    assert again.events[-1]["error"], "half an answer is not kept"


async def test_a_stream_that_hits_a_defect_says_so_and_ends_in_order(make_service, client):
    http = await client(await make_service(wrap=answered_by(Broken(RuntimeError("what the user said"), "The "))))
    reply = await stream(http, chat_body(QUESTION, stream=True))
    assert reply.text == "The "
    assert reply.events[-1]["error"]["code"] == "internal_error"
    assert "what the user said" not in str(reply.events)
    assert not reply.done


async def test_a_client_that_goes_away_stops_a_stream(make_service, client):
    async with GatedModel() as model:
        http = await client(await make_service(models={"small": model.url}))
        response = await http.post(ROUTE, json=chat_body(QUESTION, stream=True))
        await model.started.wait()
        response.close()
        async with asyncio.timeout(5):
            await model.gone.wait()


async def test_a_client_that_goes_away_stops_the_making_of_a_json_answer(make_service, client):
    async with GatedModel() as model:
        http = await client(await make_service(models={"small": model.url}))
        asking = asyncio.create_task(http.post(ROUTE, json=chat_body(QUESTION)))
        await model.started.wait()
        asking.cancel()
        async with asyncio.timeout(5):
            await model.gone.wait()
