"""`steadyrag eval answers`: questions are asked as they are, rephrased, and with a part of the articles gone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.answers import llm_judge, report
from evals.answers.asking import Reply, ask
from evals.answers.judging import judge, row
from evals.answers.llm_judge import Judge
from evals.answers.questions import Question, documents_of, draw_articles
from evals.cache.generated import light_rephrasings
from evals.composed import SPACE, Watch, composed, take_in
from evals.errors import CannotMeasure
from evals.retrieval.beir import Collection
from rag.compose import Service
from rag.pipeline.agreement import agreement

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure.

    Attributes:
        shards: of the dense index.
        held_out: part of the articles that is left out of the index when abstention is measured; 0: it is not.
        rephrased: questions that are asked in other words, too.
        seed: draws articles, rephrasings and resamples.
        data_dir: keeps what was taken in, for the next run; None: a folder that is gone afterwards.

    Raises:
        CannotMeasure: the part is not one.
    """

    shards: int = 4
    held_out: float = 0.5
    rephrased: int = 100
    seed: int = 0
    data_dir: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < 1:
            raise CannotMeasure(f"--held-out: {self.held_out:g} is not from 0 to below 1")


async def evaluate(
    collection: Collection, questions: Sequence[Question], options: Options, watch: Watch, grader: Judge | None = None
) -> tuple[dict[str, Any], Rows]:
    """What `steadyrag eval answers --json` prints, and a row for each question.

    Raises:
        CannotMeasure: the data folder holds other documents.
        SteadyragError: the service cannot be composed.
    """
    async with composed(options.data_dir, shards=options.shards) as service:
        await take_in(service, collection, watch)
        replies = await _asked(service, questions, "asking", watch)
        rows = [row(question, reply) for question, reply in zip(questions, replies, strict=True)]
        rephrased = await _rephrased(service, questions, replies, options, watch)
        gone = draw_articles(questions, options.held_out, options.seed)
        if gone:
            await service.writer.delete(SPACE, documents_of(gone, collection))
            await _left_out(service, questions, gone, rows, watch)
    figures = report.summarise(rows, rephrased, seed=options.seed)
    if grader is not None:
        figures["judge"] = await _graded(grader, questions, rows, watch)
    models = service.serving["model:small"], service.serving["model:large"]
    about = {"dataset": collection.name, "n_docs": len(collection.documents), "models": list(models)}
    return about | figures, rows


async def _asked(service: Service, questions: Sequence[Question], step: str, watch: Watch) -> list[Reply]:
    replies = []
    for done, question in enumerate(questions):
        watch(step, done, len(questions))
        replies.append(await ask(service, question.text))
    watch(step, len(questions), len(questions))
    return replies


async def _rephrased(
    service: Service, questions: Sequence[Question], replies: Sequence[Reply], options: Options, watch: Watch
) -> Rows:
    """A row for each rephrasing of some of the questions: how far the answer is the one to the question as it is."""
    rng = random.Random(options.seed)  # noqa: S311 - not for secrets
    places = sorted(rng.sample(range(len(questions)), min(options.rephrased, len(questions))))
    rows: Rows = []
    for done, place in enumerate(places):
        watch("rephrasing", done, len(places))
        question, first = questions[place], replies[place]
        for kind, text in light_rephrasings(question.text, rng).items():
            reply = await ask(service, text)
            alike = {"agreement": agreement(first.text, reply.text), "same_source": first.cited[:1] == reply.cited[:1]}
            rows.append({"query": question.id, "kind": kind, **alike, **judge(question, reply)})
    watch("rephrasing", len(places), len(places))
    return rows


async def _left_out(
    service: Service, questions: Sequence[Question], gone: frozenset[str], rows: Rows, watch: Watch
) -> None:
    """Ask again with articles gone; the rows learn which questions that leaves without answer, and what was said."""
    replies = await _asked(service, questions, "left out", watch)
    for question, reply, each in zip(questions, replies, rows, strict=True):
        unanswerable = question.article in gone
        each |= {
            "unanswerable": unanswerable,
            "abstained": reply.refused,
            "abstained_rightly": float(reply.refused == unanswerable),
        }


async def _graded(grader: Judge, questions: Sequence[Question], rows: Rows, watch: Watch) -> dict[str, Any]:
    """The judge's opinion of every answer; what was refused or failed is not put before it."""
    answered = [(question, each) for question, each in zip(questions, rows, strict=True) if each["answer"]]
    try:
        for done, (question, each) in enumerate(answered):
            watch("judging", done, len(answered))
            each["judged_correct"] = await grader.verdict(question, each["answer"])
        watch("judging", len(answered), len(answered))
    finally:
        await grader.aclose()
    return llm_judge.summarise([each["judged_correct"] for _, each in answered])
