"""Two replicas over one log and one cache in Redis, in any order of writes, questions, outages and restarts.

What no answer may do, on any replica: rest on a text that was replaced or deleted before it was asked for, unless it
is labelled `stale-cache`; rest on a deleted text even then; say what another tenant's documents say. For a long run:

    STEADYRAG_TEST_CACHE_STEPS=10000 make test-slow ARGS="-k cache_guarantee"
"""

import asyncio
import os
import threading
from contextlib import AsyncExitStack

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from rag.errors import SteadyragError
from rag.types import Document, Space
from tests.support import folders
from tests.support.redis_server import running
from tests.support.replicas import Quoting, replica

#: Steps in all, in runs of so many.
STEPS = int(os.environ.get("STEADYRAG_TEST_CACHE_STEPS", "150"))
STEPS_OF_A_RUN = 50
#: Of a question that nothing but the machine's slowness keeps from its answer.
TRIES = 10
THINGS = ("tower", "bridge", "harbour")
REPLICAS, TENANTS = (0, 1), ("red", "blue")
QUESTIONS = ("How tall is the {}?", "how tall is the {}", "Please tell me: how tall is the {}?")

replicas, tenants, things = st.sampled_from(REPLICAS), st.sampled_from(TENANTS), st.sampled_from(THINGS)


class Fleet:
    """The replicas, on a loop of their own, so that they follow the log between two steps."""

    def __init__(self, folder, model_folder, server):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._folder, self._model_folder, self._server = folder, model_folder, server
        self._stacks = {}
        self.model = Quoting()
        self.replicas = {}
        for name in REPLICAS:
            self.start(name)

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def start(self, name):
        async def starting():
            stack = self._stacks[name] = AsyncExitStack()
            url = self._server.url
            folder = self._folder / str(name)
            opened = replica(folder, self._model_folder, self.model, cache=url, log=url, retrieval={"hot_entries": 0})
            self.replicas[name] = await stack.enter_async_context(opened)

        self.run(starting())

    def stop(self, name):
        del self.replicas[name]  # whatever comes of it, nobody is to ask one that was closed
        self.run(self._stacks.pop(name).aclose())

    def close(self):
        for name in list(self._stacks):
            self.stop(name)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Guarantee(RuleBasedStateMachine):
    """Every text says a number that no other text ever says."""

    fleet = None
    counted = 0

    def __init__(self):
        super().__init__()
        self.present, self.deleted, self.down = {}, set(), set()
        for name in REPLICAS:
            if name not in self.fleet.replicas:  # it did not come back in a run that failed
                self.fleet.start(name)
        for tenant in TENANTS:
            for thing in THINGS:
                self._write(0, Space(tenant, "default"), thing)

    @rule(at=replicas, tenant=tenants, thing=things)
    def update(self, at, tenant, thing):
        self._write(at, Space(tenant, "default"), thing)

    @rule(at=replicas, tenant=tenants, thing=things)
    def delete(self, at, tenant, thing):
        self.fleet.run(self.fleet.replicas[at].service.writer.delete(Space(tenant, "default"), [thing]))
        if (number := self.present.pop((tenant, thing), None)) is not None:
            self.deleted.add(number)

    @rule(at=replicas, tenant=tenants, thing=things, question=st.sampled_from(QUESTIONS))
    def ask(self, at, tenant, thing, question):
        self._ask(at, tenant, question.format(thing))

    @rule(tenant=tenants, thing=things)
    def ask_at_once(self, tenant, thing):
        question = QUESTIONS[0].format(thing)

        async def asking():
            return await asyncio.gather(*(self._answered(at, tenant, question) for at in REPLICAS for _ in range(3)))

        for answer in self.fleet.run(asking()):
            self._check(answer, tenant)

    @rule(at=replicas)
    def break_retrieval(self, at):
        self.fleet.replicas[at].fail_retrieval()
        self.down.add(at)

    @precondition(lambda self: self.down)
    @rule()
    def mend(self):
        for at in self.down:
            self.fleet.replicas[at].parts["store"].mend()
            self.fleet.replicas[at].service.guards.force("store", "closed", 0)
        self.down.clear()

    @rule(at=replicas)
    def restart(self, at):
        self.fleet.stop(at)
        self.fleet.start(at)
        self.down.discard(at)

    def teardown(self):
        self.mend()
        for at in self.fleet.replicas:
            for tenant in TENANTS:
                self._ask(at, tenant, QUESTIONS[0].format(THINGS[0]))

    def _write(self, at, space, thing):
        Guarantee.counted += 1
        document = Document(thing, f"The {thing} is {self.counted} metres tall.")
        self.fleet.run(self.fleet.replicas[at].service.writer.put(space, [document]))
        self.present[space.tenant, thing] = self.counted

    def _ask(self, at, tenant, question):
        self._check(self.fleet.run(self._answered(at, tenant, question)), tenant)

    async def _answered(self, at, tenant, question):
        """The answer; an error, if something is broken or it stays one.

        On a machine that is short of time a replica's lease may lapse at any moment, and the replica refuses then.
        """
        for tried in range(TRIES):
            try:
                return await self.fleet.replicas[at].answer(question, tenant)
            except SteadyragError as error:
                if self.down or tried == TRIES - 1:
                    return error

    def _check(self, answer, tenant):
        if isinstance(answer, SteadyragError):
            assert self.down, answer
            return
        said = {int(word) for word in answer.text.split() if word.isdigit()}
        others = {number for (owner, _), number in self.present.items() if owner != tenant}
        assert not said & (self.deleted | others), (answer, tenant)
        if "stale-cache" not in answer.degraded:
            assert said <= {number for (owner, _), number in self.present.items() if owner == tenant}, answer
        assert {source.passage.document_id for source in answer.sources} <= set(THINGS)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_no_answer_rests_on_what_is_no_more_or_anothers(tmp_path, model_folder):
    with folders.scratch() as folder, running(tmp_path) as server:
        fleet = Guarantee.fleet = Fleet(folder, model_folder, server)
        try:
            run_state_machine_as_test(
                Guarantee,
                settings=settings(
                    max_examples=max(1, STEPS // STEPS_OF_A_RUN),
                    stateful_step_count=STEPS_OF_A_RUN,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                    database=None,
                ),
            )
        finally:
            fleet.close()
        assert fleet.model.asked
