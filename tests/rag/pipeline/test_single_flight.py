import asyncio

import pytest

from rag.errors import DeadlineExceeded, DependencyFailed
from rag.pipeline.request import Answer, Delta
from rag.pipeline.single_flight import SingleFlight
from rag.types import Deadline, SystemClock
from tests.rag.pipeline.test_stored import ANSWER


class Computation:
    """Says a word, waits to be let go, and says another, then the answer; counts what happens to it."""

    def __init__(self, *errors):
        self.begun = self.stopped = 0
        self.let_go = asyncio.Event()
        self.tail = asyncio.Event()
        self.tail.set()
        self._errors = list(errors)
        self.silent = bool(errors)

    async def __call__(self):
        self.begun += 1
        try:
            if not self.silent:
                yield Delta("one")
            await self.let_go.wait()
            if self._errors and (error := self._errors.pop(0)):
                raise error
            yield Delta("two")
            yield ANSWER
            await self.tail.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise


@pytest.fixture
async def flights():
    made = SingleFlight()
    yield made
    await made.aclose()


def deadline(seconds=30.0):
    return Deadline.after(seconds, SystemClock())


async def heard(flights, compute, until=deadline, key="k"):
    return [event async for event in flights.join(key, compute, until())]


async def listening(flights, compute, callers):
    tasks = [asyncio.create_task(heard(flights, compute)) for _ in range(callers)]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_one_computes_and_all_hear_everything(flights):
    computation = Computation()
    tasks = await listening(flights, computation, 3)
    late = asyncio.create_task(heard(flights, computation))
    await asyncio.sleep(0)
    computation.let_go.set()
    for task in (*tasks, late):
        assert [event for event, _ in await task] == [Delta("one"), Delta("two"), ANSWER]
    assert sorted({began for event, began in task.result()} == {True} for task in tasks) == [False, False, True]
    assert computation.begun == 1


async def test_words_are_heard_as_they_come(flights):
    computation = Computation()
    leading = flights.join("k", computation, deadline())
    following = flights.join("k", computation, deadline())
    assert (await anext(leading), await anext(following)) == ((Delta("one"), True), (Delta("one"), False))
    computation.let_go.set()
    assert (await anext(following))[0] == Delta("two")
    await leading.aclose()
    await following.aclose()


async def test_different_questions_share_nothing(flights):
    computation = Computation()
    computation.let_go.set()
    await asyncio.gather(heard(flights, computation, key="a"), heard(flights, computation, key="b"))
    assert computation.begun == 2


async def test_the_one_who_began_may_leave(flights):
    computation = Computation()
    leaving, staying = await listening(flights, computation, 2)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    computation.let_go.set()
    assert isinstance((await staying)[-1][0], Answer)
    assert (computation.begun, computation.stopped) == (1, 0)


async def test_for_nobody_nothing_is_computed(flights):
    computation = Computation()
    tasks = await listening(flights, computation, 2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert computation.stopped == 1
    computation.let_go.set()
    assert isinstance((await heard(flights, computation))[-1][0], Answer)


async def test_what_follows_the_answer_is_not_stopped(flights):
    computation = Computation()
    computation.let_go.set()
    computation.tail.clear()
    events = flights.join("k", computation, deadline())
    while not isinstance((await anext(events))[0], Answer):
        pass
    await events.aclose()
    assert (computation.stopped, len(flights._tasks)) == (0, 1)
    computation.tail.set()
    while flights._tasks:  # noqa: ASYNC110 - looked at, not waited for
        await asyncio.sleep(0)
    assert computation.stopped == 0


async def test_when_it_fails_the_next_one_computes_and_the_others_wait_for_that(flights):
    computation = Computation(DependencyFailed("down"), None)
    tasks = await listening(flights, computation, 3)
    computation.let_go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(result, DependencyFailed) for result in results] == [True, False, False]
    assert computation.begun == 2


async def test_when_that_fails_too_all_fail(flights):
    computation = Computation(DependencyFailed("down"), DependencyFailed("down"))
    tasks = await listening(flights, computation, 20)
    computation.let_go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {DependencyFailed}
    assert computation.begun == 2


async def test_after_the_first_words_a_failure_is_told(flights):
    computation = Computation(DependencyFailed("down"))
    computation.silent = False
    tasks = await listening(flights, computation, 2)
    computation.let_go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {DependencyFailed}
    assert computation.begun == 1


async def test_who_waits_keeps_a_deadline_of_its_own(flights):
    computation = Computation()
    (leading,) = await listening(flights, computation, 1)
    with pytest.raises(DeadlineExceeded):
        await heard(flights, computation, lambda: deadline(0.01))
    computation.let_go.set()
    assert isinstance((await leading)[-1][0], Answer)


async def test_a_mistake_of_ours_goes_to_all(flights):
    computation = Computation(ZeroDivisionError())
    tasks = await listening(flights, computation, 2)
    computation.let_go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(result) for result in results} == {ZeroDivisionError}
