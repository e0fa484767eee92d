"""What an application sees that uses the `openai` package as it is."""

import openai
import pytest

from tests.support.corpus import ANSWER, QUESTION, UNANSWERABLE


@pytest.fixture(scope="module")
def client(served):
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as sdk:
        yield sdk


def turns(*contents):
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(contents)]


def asked(client, *contents, **extras):
    return client.chat.completions.create(
        model="steadyrag", messages=turns(*contents), extra_body={"steadyrag": extras} if extras else None
    )


def streamed(client, *contents, usage=True, **extras):
    """All chunks of the answer."""
    stream = client.chat.completions.create(
        model="steadyrag",
        messages=turns(*contents),
        stream=True,
        stream_options={"include_usage": usage},
        extra_body={"steadyrag": extras} if extras else None,
    )
    with stream:
        return list(stream)


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def finish_of(chunks):
    (chunk,) = [chunk for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason]
    return chunk


def test_models_are_listed(client):
    assert [model.id for model in client.models.list()] == ["steadyrag", "steadyrag-small", "steadyrag-large"]
    assert client.models.retrieve("steadyrag").owned_by == "steadyrag"


def test_an_answer_with_citations_and_usage(client):
    answer = asked(client, QUESTION)
    message = answer.choices[0].message
    assert ANSWER in message.content
    citation = answer.citations[0]
    assert ANSWER in message.content[citation["start"] : citation["end"]]
    assert citation["source"] in {source["id"] for source in answer.sources}
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer.usage.prompt_tokens_details.cached_tokens == 0
    assert answer.steadyrag["answered"] is True


def test_a_streamed_answer_with_citations_and_usage(client):
    chunks = streamed(client, QUESTION)
    assert ANSWER in text_of(chunks)
    finish, usage = finish_of(chunks), chunks[-1]
    assert finish is chunks[-2]
    assert finish.choices[0].finish_reason == "stop"
    assert usage.choices == []
    assert usage.usage.total_tokens > 0
    assert finish.citations == usage.citations != []
    assert finish.sources == usage.sources != []
    assert finish.steadyrag == usage.steadyrag
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_both_forms_say_the_same(client):
    whole, chunks = asked(client, QUESTION), streamed(client, QUESTION)
    assert text_of(chunks) == whole.choices[0].message.content
    assert finish_of(chunks).citations == whole.citations


@pytest.mark.parametrize("ask", [asked, lambda *a, **k: streamed(*a, **k)[-1]], ids=["JSON", "stream"])
def test_a_question_that_the_documents_do_not_answer_is_refused_honestly(client, ask):
    for _ in range(2):
        answer = ask(client, UNANSWERABLE)
        assert answer.steadyrag["answered"] is False
        assert answer.steadyrag["cache"]["verdict"] == "miss"
        assert answer.citations == []


@pytest.mark.parametrize(
    ("ask", "question"),
    [(asked, "Who invented the diesel engine?"), (lambda *a: streamed(*a)[-1], "What cools the cylinder head?")],
    ids=["JSON", "stream"],
)
def test_the_second_call_is_an_exact_hit(client, ask, question):
    first, second = ask(client, question), ask(client, question)
    assert [each.steadyrag["cache"]["verdict"] for each in (first, second)] == ["miss", "exact"]
    assert first.citations == second.citations != []


def test_what_the_caller_says_about_the_cache(client):
    question = "Where does the Great Barrier Reef lie?"

    def verdict(**extras):
        return asked(client, question, **extras).steadyrag["cache"]["verdict"]

    with pytest.raises(openai.APIStatusError) as told:
        verdict(cache="only")
    assert (told.value.status_code, told.value.code) == (504, "not_cached")
    assert [verdict(cache="no-store"), verdict()] == ["bypass", "miss"]
    assert [verdict(cache="only"), verdict(cache="no-cache"), verdict()] == ["exact", "bypass", "exact"]
    assert [verdict(max_age_s=3600), verdict(max_age_s=0)] == ["exact", "miss"]


def test_a_follow_up(client):
    first = asked(client, QUESTION).choices[0].message.content
    second = asked(client, QUESTION, first, "And when was it opened?")
    assert "1889" in second.choices[0].message.content
    assert second.citations
    assert second.steadyrag["cache"]["verdict"] == "bypass"


def test_raw_headers(client):
    raw = client.chat.completions.with_raw_response.create(
        model="steadyrag", messages=turns(QUESTION), extra_headers={"X-Request-Id": "mine"}
    )
    assert raw.headers["x-request-id"] == "mine"
    assert raw.headers["x-steadyrag-model"] == "extractive"
    assert raw.parse().steadyrag["request_id"] == "mine"


@pytest.mark.parametrize(
    ("change", "error", "code"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, "not_found"),
        ({"temperature": 9}, openai.BadRequestError, "invalid_request"),
        ({"n": 2}, openai.BadRequestError, "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, "unsupported_parameter"),
        ({"messages": []}, openai.BadRequestError, "invalid_request"),
        ({"messages": turns("x" * 1_000_000)}, openai.APIStatusError, "payload_too_large"),
    ],
)
def test_errors_are_those_of_the_sdk(client, change, error, code):
    with pytest.raises(error) as told:
        client.chat.completions.create(**{"model": "steadyrag", "messages": turns(QUESTION), **change})
    assert told.value.code == code
    assert told.value.body["message"]


async def test_the_asynchronous_client(served):
    async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="unused") as sdk:
        stream = await sdk.chat.completions.create(model="steadyrag", messages=turns(QUESTION), stream=True)
        chunks = [chunk async for chunk in stream]
    assert ANSWER in text_of(chunks)
    assert chunks[-1].citations
