"""Shadow traffic: some questions are asked of the other model, too, and both answers recorded to learn routing from."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import orjson

from rag.errors import SteadyragError
from rag.pipeline.agreement import agreement
from rag.pipeline.generate import Generation, generate
from rag.pipeline.request import Answer, Ask
from rag.types import Clock, Deadline
from router.features import features
from router.models import Model
from router.policy import Rule
from router.router import Embed, Inquiry, Route, Step
from router.types import Prompt

#: Seconds that the other model has; nobody waits for it.
TIMEOUT_S = 60.0
#: Only questions that the classifier chose the model for teach it something.
LEARNT_FROM: frozenset[Rule] = frozenset({"score", "far"})
#: How the question of a drawn request may end.
ENDS = {
    "kept": "Pairs of answers that were recorded.",
    "skipped": "Questions that the other model was spared: busy, unwell, or too many under way.",
    "failed": "Questions that the other model did not answer.",
    "lost": "Pairs of answers that the file did not take: it is full, or cannot be written.",
}
#: Digits of a vector's components: an int8 embedding knows no more.
_DIGITS = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Case:
    """A question that was answered, and how."""

    ask: Ask
    prompt: Prompt
    inquiry: Inquiry
    route: Route
    generation: Generation
    answer: Answer

    @property
    def is_plain(self) -> bool:
        """Whether the model that the classifier chose answered, with everything in order."""
        return self.route.decision.rule in LEARNT_FROM and not self.answer.degraded


@dataclass(slots=True, kw_only=True)
class Shadow:
    """Asks the other model in the background, a bounded number of questions at once.

    Attributes:
        keep: stores a record; False when there is no room for it, OSError when it cannot.
        embedder: the model that vectors are from.
        share: of the questions, 0 to 1.
        at_once: questions under way past which further ones are passed over.
        text: whether question and answers are recorded; else the vector, the features and figures.
        draw: uniform numbers in [0, 1).
        counts: how often each of `ENDS` came.
    """

    keep: Callable[[bytes], Awaitable[bool]]
    embedder: str
    share: float
    at_once: int
    text: bool
    clock: Clock
    draw: Callable[[], float]
    counts: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def consider(self, case: Case, embed: Embed) -> None:
        """Ask the other model behind the caller's back, if the question is drawn and that model is idle enough."""
        if not case.is_plain or self.draw() >= self.share:
            return
        condition = case.route.other.condition(0, 0)
        if len(self._tasks) >= self.at_once or condition.saturated or not condition.healthy:
            self.counts["skipped"] += 1
            return
        question = {"prompt": case.inquiry.question} if self.text else await self._figures(case, embed)
        task = asyncio.create_task(self._compare(case, question), name=f"shadow-{case.ask.request_id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Stop what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _figures(self, case: Case, embed: Embed) -> dict[str, Any]:
        """The question without its text: what the classifier saw of it."""
        vector, found = await embed(), features(case.inquiry.question, case.inquiry.evidence)
        return {
            "embedder": self.embedder,
            "vector": None if vector is None else np.round(vector.astype(float), _DIGITS).tolist(),
            "features": [None if np.isnan(value) else value for value in found.tolist()],
        }

    async def _compare(self, case: Case, question: dict[str, Any]) -> None:
        other, generation, started = case.route.other, Generation(), self.clock.monotonic()
        pieces = generate([Step(other)], case.prompt, Deadline.after(TIMEOUT_S, self.clock), generation)
        try:
            async with aclosing(pieces):
                async for _ in pieces:
                    pass
        except SteadyragError:  # its guard has counted it, and nobody waits for it
            self.counts["failed"] += 1
            return
        given = self._told(case.route.steps[0].model, case.generation, case.answer.timings_ms["generate"])
        second = self._told(other, generation, (self.clock.monotonic() - started) * 1e3)
        small, large = (given, second) if case.route.decision.tier == "small" else (second, given)
        record = {
            "request_id": case.ask.request_id,
            "at": self.clock.now(),
            "source": case.ask.scope.space.collection,
            "score": case.route.decision.score,
            "evidence": asdict(case.inquiry.evidence),
            "agreement": agreement(case.generation.text, generation.text),
            "answers": {"small": small, "large": large},
            **question,
        }
        self.counts["kept" if await self._kept(record) else "lost"] += 1

    async def _kept(self, record: dict[str, Any]) -> bool:
        try:
            return await self.keep(orjson.dumps(record) + b"\n")
        except OSError:
            _log.exception("a record of shadow traffic was lost")
            return False

    def _told(self, model: Model, generation: Generation, took_ms: float) -> dict[str, Any]:
        figures = {
            "model": model.name,
            "version": model.version,
            "answered": generation.found,
            "finish_reason": generation.finish_reason,
            "prompt_tokens": generation.usage.prompt_tokens,
            "completion_tokens": generation.usage.completion_tokens,
            "cost": generation.cost,
            "took_ms": round(took_ms, 1),
        }
        return figures | ({"text": generation.text} if self.text else {})
