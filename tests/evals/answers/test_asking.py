import pytest

from evals.answers.asking import ask
from evals.composed import composed, take_in
from evals.retrieval.beir import read_collection
from rag.errors import DependencyFailed, InvalidRequest


@pytest.fixture
async def service(folder, scratch):
    async with composed(scratch / "kept", shards=1) as made:
        await take_in(made, read_collection(folder), lambda *_: None)
        yield made


async def test_an_answer_cites_its_document_and_shows_no_markers(service):
    reply = await ask(service, "Who invented the diesel engine?")
    assert reply.text == "The diesel engine was invented by Rudolf Diesel in 1893."
    assert (reply.cited, reply.refused, reply.failed, reply.degraded) == (("diesel#0",), False, "", ())


async def test_what_is_not_there_is_refused(service):
    reply = await ask(service, "Which colour has the flag of Uruguay?")
    assert (reply.refused, reply.text, reply.cited) == (True, "", ())


async def test_no_answer_comes_from_the_cache(service):
    await ask(service, "Who invented the diesel engine?")
    assert len(service.cache) == 0


async def test_a_dependency_that_fails_is_a_reply_but_our_own_mistake_is_an_error(service, monkeypatch):
    async def fail(*_, **__):
        raise failure
        yield

    failure = DependencyFailed("gone")
    monkeypatch.setattr(type(service.pipeline), "run", fail)
    assert (await ask(service, "x")).failed == "dependency_failed"
    failure = InvalidRequest("wrong")
    with pytest.raises(InvalidRequest):
        await ask(service, "x")
