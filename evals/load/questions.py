"""What is asked: a list of questions, drawn with the repetition that real users show."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from evals.errors import CannotMeasure
from evals.load.textfile import open_text

#: Asked when no file is given; about the documents that a fresh start ingests.
DEFAULT_QUESTIONS = (
    "How do I start the service?",
    "What happens when the vector database is slow?",
    "Which label does an answer carry when BM25 alone answered?",
    "How is a cached answer removed when a document changes?",
    "How does the router choose between the small and the large model?",
    "What does the header x-steadyrag-cache say?",
    "How do I run a chaos experiment?",
    "When does a circuit breaker open?",
    "How do I ingest a folder of documents?",
    "Which environment variable holds the data folder?",
    "How are tenants kept apart?",
    "What does Retry-After mean on a 503 reply?",
)

_TEXT_KEYS = ("text", "question", "query", "prompt")


def read_questions(path: Path) -> list[str]:
    """The questions of a BEIR `queries.jsonl`, other JSONL or plain text, one a line; gzipped where named .gz.

    Raises:
        CannotMeasure: the file cannot be read, holds no question, or a JSON line has none of `text`, `question`,
            `query`, `prompt`.
    """
    questions = list(read_texts(path))
    if not questions:
        raise CannotMeasure(f"{path} holds no questions")
    return questions


def read_texts(path: Path) -> Iterator[str]:
    """The texts of such a file, one a line.

    Raises:
        CannotMeasure: the file cannot be read, or a JSON line has none of those keys.
    """
    with open_text(path) as lines:
        yield from (_parse(text, f"{path}:{n}") for n, line in enumerate(lines, 1) if (text := line.strip()))


def zipf(questions: Sequence[str], s: float, seed: int) -> Iterator[str]:
    """Endless draws in which the question of popularity rank r comes with a probability proportional to r^-s.

    Which question has which rank is drawn too. `s` = 0 is uniform; web requests lie between 0.6 and 0.8 (Breslau
    et al., "Web caching and Zipf-like distributions", INFOCOM 1999).
    """
    rng = random.Random(f"{seed}/questions")  # noqa: S311 - repeatable by design
    ranked = rng.sample(questions, len(questions))
    weights = list(itertools.accumulate(rank**-s for rank in range(1, len(ranked) + 1)))
    while True:
        yield rng.choices(ranked, cum_weights=weights)[0]


def _parse(line: str, where: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        fields = orjson.loads(line)
    except ValueError as error:
        raise CannotMeasure(f"{where} is not JSON") from error
    for key in _TEXT_KEYS:
        if isinstance(fields.get(key), str):
            return str(fields[key])
    raise CannotMeasure(f"{where} has no question under any of {', '.join(_TEXT_KEYS)}")
