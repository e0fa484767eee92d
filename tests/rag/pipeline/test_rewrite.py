from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from rag.errors import BreakerOpen, DeadlineExceeded, DependencyTimeout, Overloaded
from rag.pipeline.contextualize import StandaloneQuestion, contextualize
from rag.pipeline.rewrite import INSTRUCTIONS, MAX_CHARS, SHOWN_CHARS, SHOWN_TURNS, Rewriter
from rag.types import Deadline
from router.errors import ModelRejected, ModelUnavailable, StreamBroken
from router.types import Chunk, Message, Prompt
from tests.support.clock import FakeClock

MESSAGES = [
    Message("system", "Be kind."),
    Message("user", "How tall is the Eiffel Tower?"),
    Message("assistant", "330 metres [1]."),
    Message("user", "And when was it built?"),
]
QUESTION = contextualize(MESSAGES)
REWRITTEN = "When was the Eiffel Tower built?"
BUDGET_S = 1.0


class Scripted:
    """A model that says its lines; an error is raised where it stands."""

    name = "scripted"

    def __init__(self, *lines: str | Exception, finish_reason: str = "stop") -> None:
        self._lines = lines
        self._finish_reason = finish_reason
        self.prompts: list[Prompt] = []
        self.limits_s: list[float] = []

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        self.prompts.append(prompt)
        self.limits_s.append(timeout_s)
        for line in self._lines:
            if isinstance(line, Exception):
                raise line
            yield Chunk(line)
        yield Chunk("", self._finish_reason)  # type: ignore[arg-type]

    async def aclose(self) -> None:
        pass


@pytest.fixture
def deadline(clock: FakeClock) -> Deadline:
    return Deadline.after(30, clock)


async def rewritten(
    model: Scripted, deadline: Deadline, messages: list[Message] = MESSAGES, salt: str = ""
) -> StandaloneQuestion:
    return await Rewriter(model, BUDGET_S).rewrite(contextualize(messages), messages, deadline, salt=salt)


async def test_the_models_words_are_looked_for_and_the_turn_stays_as_it_was_asked(deadline: Deadline) -> None:
    model = Scripted(" When was ", "the Eiffel Tower built?\n")
    found = await rewritten(model, deadline)
    assert found == StandaloneQuestion("And when was it built?", REWRITTEN, standalone=False)
    assert model.limits_s == [BUDGET_S]


async def test_the_model_sees_the_conversation_and_the_last_turn_after_it(deadline: Deadline) -> None:
    model = Scripted(REWRITTEN)
    await rewritten(model, deadline, salt="tenant")
    (prompt,) = model.prompts
    system, asked = prompt.messages
    assert (system.content, prompt.cache_salt) == (INSTRUCTIONS, "tenant")
    assert asked.content == (
        "Conversation:\nuser: How tall is the Eiffel Tower?\nassistant: 330 metres [1].\n\n"
        "Last message: And when was it built?"
    )
    assert prompt.sampling.temperature == 0.0
    assert prompt.sampling.max_tokens is not None


async def test_a_long_conversation_is_shown_in_part(deadline: Deadline) -> None:
    model = Scripted(REWRITTEN)
    turns = [Message("user" if n % 2 == 0 else "assistant", f"turn {n}\n" + "x" * 5_000) for n in range(20)]
    await rewritten(model, deadline, [*turns, Message("user", "Why?")])
    lines = model.prompts[0].messages[1].content.splitlines()
    assert [line.partition(" x")[0] for line in lines[1:-2]] == [
        f"{'user' if n % 2 == 0 else 'assistant'}: turn {n}" for n in range(20 - SHOWN_TURNS, 20)
    ]
    assert max(map(len, lines)) <= SHOWN_CHARS + len("assistant: ")


@pytest.mark.parametrize(
    "model",
    [
        Scripted(ModelUnavailable("500", model="m")),
        Scripted(ModelRejected("too long", model="m")),
        Scripted("When", StreamBroken("reset", model="m")),
        Scripted(BreakerOpen("not called")),
        Scripted(DependencyTimeout("late")),
        Scripted(Overloaded("full")),
        Scripted(DeadlineExceeded("no slot in time")),
        Scripted(REWRITTEN, finish_reason="length"),
        Scripted(""),
        Scripted("Sure! Here it is:\n", REWRITTEN),
        Scripted("x" * (MAX_CHARS + 1)),
    ],
    ids=lambda model: str(model._lines)[:40],
)
async def test_without_a_question_of_the_models_the_turns_are_joined_and_it_is_said(
    model: Scripted, deadline: Deadline
) -> None:
    found = await rewritten(model, deadline)
    assert found.search_text == QUESTION.search_text == "How tall is the Eiffel Tower?\nAnd when was it built?"
    assert found.degraded == ("contextualize-skipped",)


async def test_a_request_with_little_time_left_goes_without(clock: FakeClock) -> None:
    model = Scripted(REWRITTEN)
    assert (await rewritten(model, Deadline.after(2 * BUDGET_S - 0.1, clock))).degraded
    assert not model.prompts
    assert not (await rewritten(model, Deadline.after(2 * BUDGET_S, clock))).degraded


async def test_a_request_without_time_ends(clock: FakeClock) -> None:
    deadline = Deadline.after(1, clock)
    clock.advance(2)
    with pytest.raises(DeadlineExceeded):
        await rewritten(Scripted(REWRITTEN), deadline)


async def test_a_defect_is_no_fault_of_the_model(deadline: Deadline) -> None:
    with pytest.raises(ZeroDivisionError):
        await rewritten(Scripted(ZeroDivisionError()), deadline)
