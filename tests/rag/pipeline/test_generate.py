from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

import router.errors
from rag.errors import (
    BreakerOpen,
    DeadlineExceeded,
    DependencyFailed,
    DependencyTimeout,
    InvalidRequest,
    Overloaded,
    SteadyragError,
)
from rag.pipeline.generate import ERRORS, Generation, generate
from rag.pipeline.prompt import NOT_FOUND
from rag.types import Deadline
from router.errors import (
    ModelError,
    ModelOverloaded,
    ModelRejected,
    ModelUnavailable,
    ModelUnreachable,
    StreamBroken,
)
from router.models import Model, Price
from router.router import Fallback, Step
from router.types import Chunk, Prompt, TokenUsage
from tests.support.clock import FakeClock

PROMPT = Prompt((), "question", ())
PRICE = Price(100.0, 1_000.0)


class Scripted:
    """A model that says its lines, then fails if it is to."""

    def __init__(self, chunks: Sequence[Chunk], error: Exception | None = None, name: str = "scripted") -> None:
        self.name = name
        self._chunks = chunks
        self._error = error
        self.closed = False
        self.timeout_s = 0.0

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        self.timeout_s = timeout_s
        try:
            for chunk in self._chunks:
                yield chunk
            if self._error:
                raise self._error
        finally:
            self.closed = True

    async def aclose(self) -> None:
        """Nothing to give back."""


def step(backend: Scripted, fallback: Fallback | None = None) -> Step:
    return Step(Model(backend=backend, price=PRICE), fallback)


async def run(model: Scripted, generation: Generation, deadline: Deadline) -> list[str]:
    return [piece async for piece in generate([step(model)], PROMPT, deadline, generation)]


@pytest.fixture
def deadline(clock: FakeClock) -> Deadline:
    return Deadline.after(10, clock)


async def test_pieces_come_as_they_are_said_and_are_collected(deadline: Deadline) -> None:
    usage = TokenUsage(10, 3, 2)
    model = Scripted([Chunk("It "), Chunk(""), Chunk("is."), Chunk("", "length"), Chunk(usage=usage, answered=False)])
    generation = Generation()
    assert await run(model, generation, deadline) == ["It ", "is."]
    assert generation == Generation(["It ", "is."], "length", usage, answered=False, model="scripted", price=PRICE)
    assert generation.text == "It is."
    assert generation.cost == pytest.approx((10 * 100 + 3 * 1_000) / 1e6)


async def test_what_the_model_does_not_say_stays_unknown(deadline: Deadline) -> None:
    generation = Generation()
    await run(Scripted([Chunk("Yes.", "stop")]), generation, deadline)
    assert generation == Generation(["Yes."], "stop", TokenUsage(), answered=None, model="scripted", price=PRICE)


async def test_a_later_chunk_does_not_take_back_what_an_earlier_one_said(deadline: Deadline) -> None:
    generation = Generation()
    await run(Scripted([Chunk("x", "length", TokenUsage(1, 1), answered=True), Chunk()]), generation, deadline)
    assert generation == Generation(["x"], "length", TokenUsage(1, 1), answered=True, model="scripted", price=PRICE)


async def test_the_model_gets_the_time_that_is_left(deadline: Deadline, clock: FakeClock) -> None:
    model = Scripted([Chunk("x", "stop")])
    clock.advance(4)
    await run(model, Generation(), deadline)
    assert model.timeout_s == 6


async def test_without_time_no_model_is_called(deadline: Deadline, clock: FakeClock) -> None:
    model = Scripted([Chunk("x", "stop")])
    clock.advance(10)
    with pytest.raises(DeadlineExceeded):
        await run(model, Generation(), deadline)
    assert model.timeout_s == 0


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ModelUnavailable("5xx", model="m"), DependencyFailed),
        (ModelUnreachable("refused", model="m"), DependencyFailed),
        (ModelOverloaded("queue full", model="m", retry_after_s=3), Overloaded),
        (ModelRejected("too long", model="m"), InvalidRequest),
        (StreamBroken("reset", model="m"), DependencyFailed),
    ],
)
async def test_the_model_s_errors_become_ours(
    deadline: Deadline, error: ModelError, expected: type[SteadyragError]
) -> None:
    generation = Generation()
    with pytest.raises(expected, match=f"model m: {error.message}") as raised:
        await run(Scripted([Chunk("said")], error), generation, deadline)
    assert type(raised.value) is expected
    assert raised.value.__cause__ is error
    assert generation.text == "said"


def leaves(kind: type[ModelError]) -> set[type[ModelError]]:
    return {kind}.union(*map(leaves, kind.__subclasses__()))


def test_every_error_of_the_router_is_mapped() -> None:
    defined = {each for each in leaves(ModelError) if each.__module__ == router.errors.__name__}
    assert set(ERRORS) == defined - {ModelError}


async def test_a_defect_is_not_taken_for_an_error_of_the_model(deadline: Deadline) -> None:
    with pytest.raises(ZeroDivisionError):
        await run(Scripted([], ZeroDivisionError()), Generation(), deadline)


async def test_closing_early_closes_the_model_s_stream(deadline: Deadline) -> None:
    model = Scripted([Chunk("one"), Chunk("two")])
    generation = Generation()
    pieces = generate([step(model)], PROMPT, deadline, generation)
    assert await anext(pieces) == "one"
    await pieces.aclose()
    assert model.closed
    assert generation.text == "one"


DOWN = [
    ModelUnavailable("refused", model="m"),
    ModelOverloaded("queue full", model="m"),
    BreakerOpen("not called"),
    DependencyTimeout("too late"),
]


@pytest.mark.parametrize("error", DOWN, ids=lambda error: type(error).__name__)
async def test_before_the_first_word_the_next_model_takes_over_and_says_so(
    deadline: Deadline, error: Exception
) -> None:
    large, small = Scripted([], error, "large"), Scripted([Chunk("Yes.", "stop")], name="small")
    generation = Generation()
    steps = [step(large), step(small, "small"), step(Scripted([]), "extractive")]
    assert [piece async for piece in generate(steps, PROMPT, deadline, generation)] == ["Yes."]
    assert (generation.model, generation.degraded) == ("small", ("model-fallback:small",))


async def test_the_last_resort_is_labelled(deadline: Deadline) -> None:
    generation = Generation()
    steps = [step(Scripted([], DOWN[0])), step(Scripted([Chunk("Quote.", "stop")]), "extractive")]
    assert [piece async for piece in generate(steps, PROMPT, deadline, generation)] == ["Quote."]
    assert generation.degraded == ("extractive-fallback",)


async def test_when_all_fail_the_last_error_is_told(deadline: Deadline) -> None:
    steps = [step(Scripted([], DOWN[0])), step(Scripted([], ModelOverloaded("full", model="n")), "extractive")]
    with pytest.raises(Overloaded, match="model n: full"):
        _ = [piece async for piece in generate(steps, PROMPT, deadline, Generation())]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (Scripted([Chunk("half")], StreamBroken("reset", model="m")), DependencyFailed),
        (Scripted([], ModelRejected("too long", model="m")), InvalidRequest),
    ],
)
async def test_nobody_takes_over_after_the_first_word_or_for_a_wrong_request(
    deadline: Deadline, first: Scripted, expected: type[SteadyragError]
) -> None:
    second = Scripted([Chunk("other", "stop")])
    with pytest.raises(expected):
        _ = [piece async for piece in generate([step(first), step(second, "small")], PROMPT, deadline, Generation())]
    assert second.timeout_s == 0


async def test_it_is_settled_who_answers_before_there_is_a_word(deadline: Deadline) -> None:
    generation = Generation()
    pieces = generate([step(Scripted([Chunk(""), Chunk(""), Chunk("Yes.")]))], PROMPT, deadline, generation)
    assert await anext(pieces) == ""
    assert generation.model == "scripted"
    assert [piece async for piece in pieces] == ["Yes."]


async def test_what_the_model_had_to_do_without_is_told_with_its_rung(deadline: Deadline) -> None:
    generation = Generation()
    without = [Chunk("Quote.", degraded=("embedder-unavailable",)), Chunk("", "stop")]
    steps = [step(Scripted([], DOWN[0])), step(Scripted(without), "extractive")]
    _ = [piece async for piece in generate(steps, PROMPT, deadline, generation)]
    assert generation.degraded == ("extractive-fallback", "embedder-unavailable")


@pytest.mark.parametrize(
    ("chunk", "found"),
    [
        (Chunk("Yes.", "stop"), True),
        (Chunk(NOT_FOUND, "stop"), False),
        (Chunk("Yes.", "stop", answered=False), False),
        (Chunk(NOT_FOUND, "stop", answered=True), True),
    ],
)
async def test_whether_it_found_an_answer_the_model_knows_best(deadline: Deadline, chunk: Chunk, found: bool) -> None:
    generation = Generation()
    await run(Scripted([chunk]), generation, deadline)
    assert generation.found is found
