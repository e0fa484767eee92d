"""The answers of one replica and of several, over a real Redis."""

import asyncio
import os
import signal
from contextlib import AsyncExitStack

import pytest

from cache.evidence import Support
from cache.semantic_cache import SemanticCache
from cache.types import Question, Verdict
from rag.errors import DependencyFailed
from rag.pipeline.answer_cache import AnswerCache
from rag.types import Document, Scope, Space
from tests.support.clock import FakeClock
from tests.support.redis_cluster import cluster
from tests.support.redis_server import running
from tests.support.replicas import Quoting, replica

SPACE = Space("default", "default")
QUESTION = "How tall is the Fernmelde tower?"


def tower(metres, key="tower"):
    return Document(key, f"The Fernmelde tower is {metres} metres tall.")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("redis")) as redis:
        yield redis


@pytest.fixture
def model():
    return Quoting()


@pytest.fixture
async def make(server, scratch, model_folder, model):
    """Replicas that share the log and the cache: `await make("a")`; `await make("a", log="sqlite:")`."""
    server.empty()
    async with AsyncExitStack() as stack:

        async def make(name, **settings):
            shared = {"cache": server.url, "log": server.url} | settings
            return await stack.enter_async_context(replica(scratch / name, model_folder, model, **shared))

        yield make


async def test_what_one_replica_computed_the_other_serves(make, model):
    first, second = await make("a"), await make("b")
    await first.service.writer.put(SPACE, [tower(100)])
    computed = await first.answer(QUESTION)
    await first.in_step()
    await second.in_step()
    served = await second.answer(QUESTION)
    assert (served.cache.verdict, served.text, served.citations) == (Verdict.EXACT, computed.text, computed.citations)
    similar = await second.answer(f"Please tell me: {QUESTION}")
    assert similar.cache.verdict == Verdict.SEMANTIC
    assert sum(model.asked.values()) == 1


async def test_after_a_write_no_replica_answers_from_the_old_text(make):
    first, second = await make("a"), await make("b")
    for metres in (100, 200, 300):
        await first.service.writer.put(SPACE, [tower(metres)])
        for each in (second, first, second):
            assert f"{metres} metres" in (await each.answer(QUESTION)).text


async def test_a_question_that_many_ask_at_once_is_answered_once(make, model):
    first, second = await make("a"), await make("b")
    await first.service.writer.put(SPACE, [tower(100)])
    answers = await asyncio.gather(*(each.answer(QUESTION) for each in (first, second) for _ in range(100)))
    assert {answer.text for answer in answers} == {"It says: The Fernmelde tower is 100 metres tall. [1]"}
    assert sum(model.asked.values()) == 1


@pytest.mark.parametrize("change", ["changed", "deleted"])
async def test_in_an_outage_an_earlier_answer_is_served_and_says_so_but_none_after_a_deletion(make, change):
    one = await make("a", log="sqlite:", cache="memory:")
    await one.service.writer.put(SPACE, [tower(100), Document("reef", "A reef is a ridge of rock.")])
    await one.answer(QUESTION)
    if change == "changed":
        await one.service.writer.put(SPACE, [tower(200)])
    else:
        await one.service.writer.delete(SPACE, ["tower"])
    one.fail_retrieval()
    if change == "deleted":
        with pytest.raises(DependencyFailed):
            await one.answer(QUESTION)
        return
    answer = await one.answer(QUESTION)
    assert (answer.cache.verdict, answer.degraded) == (Verdict.STALE, ("stale-cache",))
    assert "100 metres" in answer.text
    one.parts["store"].mend()
    assert "200 metres" in (await one.answer(QUESTION)).text


async def test_what_ends_the_lease_within_a_request_ends_its_earlier_answers_too():
    def position_of(space):
        raise DependencyFailed("this replica cannot hear the document log")

    clock = FakeClock()
    local = SemanticCache(clock.now)
    question = Question(Scope(SPACE, "steadyrag", ""), QUESTION, 1)
    local.put(question, "an answer", Support(frozenset(), frozenset()), 9, None, name="a", stored_at=clock.now())
    assert local.stale(question).value == "an answer"
    cache = AnswerCache(local, None, position_of, clock, position=1, ttl_s=60)
    assert cache.stale(question, SPACE, max_age_s=None) is None


async def test_a_restart_finds_the_answers_of_documents_that_are_unchanged(scratch, model_folder, model):
    for metres in (None, None, 200):
        async with replica(scratch, model_folder, model, cache="sqlite:") as one:
            await one.in_step()
            if metres is None:
                await one.service.writer.put(SPACE, [tower(100)])
                await one.answer(QUESTION)
            else:
                assert len(one.service.cache) == 1
                await one.service.writer.put(SPACE, [tower(metres)])
    assert sum(model.asked.values()) == 1
    async with replica(scratch, model_folder, model, cache="sqlite:") as one:
        await one.in_step()
        assert "200 metres" in (await one.answer(QUESTION)).text


FAULTS = {
    "refused": (running, lambda server: server.stop(), lambda server: server.start()),
    "stalled": (
        running,
        lambda server: os.kill(server.process.pid, signal.SIGSTOP),
        lambda server: os.kill(server.process.pid, signal.SIGCONT),
    ),
    "flushed": (running, lambda server: server.empty(), lambda server: None),
    "restarted": (running, lambda server: (server.stop(), server.start()), lambda server: None),
    "failed over": (cluster, lambda cluster: cluster.fail_over(), lambda cluster: cluster.mend()),
}
#: What they leave of the answers is gone on every replica.
EMPTYING = {"flushed", "restarted"}


@pytest.mark.parametrize("fault", FAULTS)
async def test_without_redis_answers_go_on_and_with_it_all_are_in_step_again(make, tmp_path, fault):
    store, begin, end = FAULTS[fault]
    with store(tmp_path) as server:
        first, second = await make("a", cache=server.url), await make("b", cache=server.url)
        await first.service.writer.put(SPACE, [tower(100), *(tower(n, f"d{n}") for n in range(5))])
        await first.answer(QUESTION)
        begin(server)
        labels = [(await first.answer(f"How tall is tower {n}?")).degraded for n in range(40)]
        assert set(labels) <= {(), ("cache-unavailable",)}
        assert labels.count(("cache-unavailable",)) <= 20
        if fault not in EMPTYING:
            assert (await first.answer(QUESTION)).cache.verdict == Verdict.EXACT
        end(server)
        for _ in range(2):
            for each in (first, second):
                await each.in_step()
        assert first.stored() == second.stored()
