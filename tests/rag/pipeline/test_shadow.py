"""Some questions are asked of the other model, too; the records teach, and hold no text unless they may."""

import asyncio

import numpy as np
import orjson
import pytest

from cache.types import Verdict
from rag.errors import DependencyFailed
from rag.pipeline.generate import Generation
from rag.pipeline.request import Answer, Ask, CacheOutcome
from rag.pipeline.shadow import Case, Shadow
from rag.types import ANONYMOUS, Deadline, RouteOutcome, Scope, Space
from router.features import NAMES, Evidence
from router.models import Model, Price
from router.outcomes import parse_outcomes
from router.policy import Decision
from router.router import Inquiry, Route, Step
from router.types import Chunk, Load, Message, Prompt, TokenUsage

QUESTION = "How tall is the tower?"
VECTOR = np.array([0.6, 0.8], np.float32)


class Answers:
    """A model that answers when it may."""

    def __init__(self, name, text):
        self.name, self.text, self.error, self.may = name, text, None, asyncio.Event()
        self.may.set()
        self.asked = 0

    async def stream(self, prompt, *, timeout_s):
        self.asked += 1
        await self.may.wait()
        if self.error:
            raise self.error
        yield Chunk(self.text, "stop", TokenUsage(1_000, 100))

    async def aclose(self):
        pass


@pytest.fixture
def large():
    return Answers("huge", "It is 330 metres tall. [1]")


@pytest.fixture
def kept():
    """The lines, at most three."""
    return []


@pytest.fixture
async def shadow_of(clock, kept):
    made = []

    async def keep(line):
        if len(kept) == 3:
            return False
        kept.append(line)
        return True

    def make(**changes):
        parts = {"keep": keep, "share": 1.0, "at_once": 2, "text": False, "draw": lambda: 0.5} | changes
        made.append(Shadow(embedder="words", clock=clock, **parts))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


def case(clock, other, *, rule="score", degraded=(), load=Load, busy_at=None):
    """A question that the small model answered."""
    prompt = Prompt((Message("user", QUESTION),), QUESTION, ())
    small = Model(backend=Answers("tiny", ""), version="1.0", price=Price(1.0, 10.0))
    large = Model(backend=other, price=Price(10.0, 100.0), load=load, busy_at=busy_at)
    usage = TokenUsage(1_000, 100)
    generation = Generation(["330 metres. [1]"], "stop", usage, model="tiny", price=small.price)
    answer = Answer(
        text=generation.text,
        answered=True,
        citations=(),
        sources=(),
        finish_reason="stop",
        usage=usage,
        cache=CacheOutcome(Verdict.MISS),
        route=RouteOutcome("tiny", "gain 0.1 < 0.5", 0.1, "small", rule),
        degraded=degraded,
        timings_ms={"generate": 250.0},
    )
    scope = Scope(Space("default", "manuals"), "steadyrag", "")
    ask = Ask(ANONYMOUS, scope, Deadline.after(30, clock), "req_1", prompt.messages)
    inquiry = Inquiry(QUESTION, Evidence(0.25, 3, 300), 100, 50, 30.0)
    route = Route(Decision("small", rule, "why", 0.1), (Step(small),), large)
    return Case(ask, prompt, inquiry, route, generation, answer)


async def embed():
    return VECTOR


async def settled(shadow):
    await asyncio.gather(*shadow._tasks)


async def test_both_answers_are_recorded_without_their_text(shadow_of, clock, large, kept):
    shadow = shadow_of()
    await shadow.consider(case(clock, large), embed)
    await settled(shadow)
    (record,) = map(orjson.loads, kept)
    figures = {"answered": True, "finish_reason": "stop", "prompt_tokens": 1_000, "completion_tokens": 100}
    assert record["answers"] == {
        "small": {"model": "tiny", "version": "1.0", **figures, "cost": pytest.approx(0.002), "took_ms": 250.0},
        "large": {"model": "huge", "version": "", **figures, "cost": pytest.approx(0.02), "took_ms": 0.0},
    }
    assert (record["request_id"], record["source"], record["score"]) == ("req_1", "manuals", 0.1)
    assert 0.0 < record["agreement"] < 1.0
    assert (record["embedder"], record["vector"]) == ("words", [0.6, 0.8])
    assert len(record["features"]) == len(NAMES)
    for text in (b"tower", b"metres"):
        assert text not in kept[0]
    assert shadow.counts == {"kept": 1}


async def test_text_is_recorded_where_that_is_switched_on_and_then_no_vector(shadow_of, clock, large, kept):
    shadow = shadow_of(text=True)
    await shadow.consider(case(clock, large), embed)
    await settled(shadow)
    (record,) = map(orjson.loads, kept)
    assert record["prompt"] == QUESTION
    assert [told["text"] for told in record["answers"].values()] == ["330 metres. [1]", large.text]
    assert "vector" not in record


@pytest.mark.parametrize("text", [False, True])
async def test_a_graded_record_is_an_outcome(shadow_of, clock, large, kept, text):
    shadow = shadow_of(text=text)
    await shadow.consider(case(clock, large), embed)
    await settled(shadow)
    graded = orjson.loads(kept[0]) | {"small": 0, "large": 1}
    (outcome,) = parse_outcomes([orjson.dumps(graded).decode()], "shadow")
    assert (outcome.source, outcome.small, outcome.large) == ("manuals", 0.0, 1.0)
    assert outcome.evidence == Evidence(0.25, 3, 300)
    assert (outcome.measured is None) == text


@pytest.mark.parametrize(("share", "asked"), [(0.0, 0), (0.5, 0), (0.51, 1), (1.0, 1)])
async def test_only_the_share_is_asked(shadow_of, clock, large, share, asked):
    shadow = shadow_of(share=share)
    await shadow.consider(case(clock, large), embed)
    await settled(shadow)
    assert large.asked == asked


@pytest.mark.parametrize(
    "not_plain", [{"rule": "requested"}, {"rule": "saturated"}, {"degraded": ("shards:3/4",)}], ids=str
)
async def test_only_what_the_classifier_chose_and_went_well_is_asked(shadow_of, clock, large, not_plain):
    shadow = shadow_of()
    await shadow.consider(case(clock, large, **not_plain), embed)
    assert not large.asked
    assert not shadow.counts


@pytest.mark.parametrize(
    "spared", [{"load": lambda: Load(healthy=False)}, {"load": lambda: Load(under_way=4), "busy_at": 4}]
)
async def test_a_model_that_is_unwell_or_busy_is_spared(shadow_of, clock, large, spared):
    shadow = shadow_of()
    await shadow.consider(case(clock, large, **spared), embed)
    assert not large.asked
    assert shadow.counts == {"skipped": 1}


async def test_no_more_than_so_many_are_under_way(shadow_of, clock, large, kept):
    shadow = shadow_of(at_once=2)
    large.may.clear()
    for _ in range(5):
        await shadow.consider(case(clock, large), embed)
    large.may.set()
    await settled(shadow)
    assert shadow.counts == {"kept": 2, "skipped": 3}


async def test_a_file_that_cannot_be_written_hurts_nobody(shadow_of, clock, large, caplog):
    async def keep(_line):
        raise PermissionError

    shadow = shadow_of(keep=keep)
    await shadow.consider(case(clock, large), embed)
    await settled(shadow)
    assert shadow.counts == {"lost": 1}
    assert "was lost" in caplog.text


async def test_a_full_file_and_a_failure_are_counted_and_hurt_nobody(shadow_of, clock, large, kept):
    shadow = shadow_of()
    for _ in range(4):
        await shadow.consider(case(clock, large), embed)
        await settled(shadow)
    large.error = DependencyFailed("it is down")
    await shadow.consider(case(clock, large), embed)
    await settled(shadow)
    assert shadow.counts == {"kept": 3, "lost": 1, "failed": 1}


async def test_closing_stops_what_is_under_way(shadow_of, clock, large, kept):
    shadow = shadow_of()
    large.may.clear()
    await shadow.consider(case(clock, large), embed)
    await shadow.aclose()
    assert not kept
    assert not shadow._tasks
