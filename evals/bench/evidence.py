"""The cache over SQuAD, evidence included: are neighbours told apart, and light rephrasings served?"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cache.bounds import at_most
from cache.types import Verdict
from evals.bench.phases import Targets
from evals.cache.generated import light_rephrasings
from rag.compose import Service, compose
from rag.errors import NotCached
from rag.pipeline.request import Answer, Ask, CacheMode
from rag.settings import load_settings
from rag.types import ANONYMOUS, Deadline, Scope, Space
from router.types import Message

TARGETS: Targets = {"wrong_serves_upper95": (0.0, 0.01), "rephrased_served": (0.8, 1.0)}
TIMEOUT_S = 30.0
SEED = 5
#: A question that ends in a phrase which may as well come first.
_LAST_PHRASE = re.compile(r"(?P<asked>\w+ .+) (?P<phrase>(?:in|during|after|before|at|by|on|since) [^?,]+)\?\s*")


@dataclass(frozen=True, slots=True)
class _Question:
    id: str
    text: str
    answers: frozenset[str]
    paragraph: str


async def measure(data: Path, data_dir: Path) -> dict[str, float]:
    """Each question is asked in a scope of its own, then the others about its paragraph, then its own rephrasings.

    A neighbour that is served is wrong unless it has one of the question's answers, or is the same question.
    """
    service = await compose(load_settings(data_dir=data_dir))
    counts: dict[str, int] = defaultdict(int)
    rng = random.Random(SEED)
    try:
        for question, neighbours in _with_neighbours(_questions(data)):
            if await _ask(service, question.id, question.text, "default") is None:
                continue
            if await _ask(service, question.id, question.text, "only") is None:
                continue  # no answer was found, so that none was stored
            counts["stored"] += 1
            for other in neighbours:
                counts["neighbours"] += 1
                served = await _ask(service, question.id, other.text, "only") is not None
                counts["wrong"] += served and not other.answers & question.answers
            async for kind, answer in _rephrased(service, question, rng):
                counts["rephrased"] += 1
                counts["served"] += answer is not None
                counts[f"asked {kind}"] += 1
                counts[f"served {kind}"] += answer is not None
                counts["semantic"] += answer is not None and answer.cache.verdict == Verdict.SEMANTIC
    finally:
        await service.aclose()
    return _figures(counts)


def _figures(counts: dict[str, int]) -> dict[str, float]:
    kinds = [name.removeprefix("asked ") for name in counts if name.startswith("asked ")]
    return {
        "stored": counts["stored"],
        "neighbours": counts["neighbours"],
        "wrong_serves": counts["wrong"] / counts["neighbours"],
        "wrong_serves_upper95": at_most(counts["wrong"], counts["neighbours"]),
        "rephrased_served": counts["served"] / counts["rephrased"],
        **{f"served_{kind}": counts[f"served {kind}"] / counts[f"asked {kind}"] for kind in kinds},
    }


async def _rephrased(
    service: Service, question: _Question, rng: random.Random
) -> AsyncIterator[tuple[str, Answer | None]]:
    texts = {"repeated": question.text, **light_rephrasings(question.text, rng)}
    if (reordered := phrase_first(question.text)) is not None:
        texts["word order"] = reordered
    for kind, text in texts.items():
        yield kind, await _ask(service, question.id, text, "only")


def phrase_first(question: str) -> str | None:
    """The question with its last phrase in front ("In 1990, who won?"); None where it has no such phrase."""
    found = _LAST_PHRASE.fullmatch(question)
    if found is None:
        return None
    asked, phrase = found["asked"], found["phrase"]
    return f"{phrase[0].upper()}{phrase[1:]}, {asked[0].lower()}{asked[1:]}?"


async def _ask(service: Service, fingerprint: str, text: str, cache: CacheMode) -> Answer | None:
    """The answer; None: none is stored that may be served."""
    ask = Ask(
        ANONYMOUS,
        Scope(Space(ANONYMOUS.tenant, "default"), "steadyrag", fingerprint),
        Deadline.after(TIMEOUT_S, service.clock),
        "bench",
        (Message("user", text),),
        cache=cache,
    )
    try:
        events = [event async for event in service.pipeline.run(ask)]
    except NotCached:
        return None
    answer = events[-1]
    return answer if isinstance(answer, Answer) else None


def _questions(data: Path) -> list[_Question]:
    rows = (line.split("\t") for line in (data / "qrels" / "test.tsv").read_text().splitlines()[1:])
    paragraphs = {query: document for query, document, *_ in rows}
    questions = (json.loads(line) for line in (data / "queries.jsonl").read_text().splitlines())
    return [
        _Question(each["_id"], each["text"], frozenset(each["metadata"]["answers"]), paragraphs[each["_id"]])
        for each in questions
    ]


def _with_neighbours(questions: Sequence[_Question]) -> Iterator[tuple[_Question, list[_Question]]]:
    about: dict[str, list[_Question]] = defaultdict(list)
    for question in questions:
        about[question.paragraph].append(question)
    for question in questions:
        yield question, [other for other in about[question.paragraph] if other.id != question.id]
