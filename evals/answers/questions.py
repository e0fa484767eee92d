"""Questions with gold answers and the article that each is about."""

from __future__ import annotations

import random
from collections.abc import Collection as Ids
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from evals.errors import CannotMeasure
from evals.retrieval.beir import Collection, read_answers


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    Attributes:
        article: title of the document that answers it, or that document's id where it has no title.
        golds: answers, any of which is right.
        relevant: ids of the documents that answer it.
    """

    id: str
    text: str
    article: str
    golds: tuple[str, ...]
    relevant: frozenset[str]

    @property
    def half(self) -> int:
        """0 or 1, the same for all questions on an article: one half may choose constants that the other judges."""
        return sha256(self.article.encode()).digest()[0] & 1


def read_questions(folder: Path, collection: Collection) -> list[Question]:
    """The judged questions of the collection that have gold answers.

    Raises:
        CannotMeasure: none has.
    """
    golds, articles = read_answers(folder), dict(_articles(collection))
    found = [
        Question(query, text, _article(grades, articles), golds[query], _relevant(grades))
        for (query, text), grades in zip(collection.queries.items(), collection.qrels.values(), strict=True)
        if golds[query]
    ]
    if not found:
        raise CannotMeasure(f"no question of {folder} has metadata.answers")
    return found


def draw_articles(questions: Sequence[Question], part: float, seed: int) -> frozenset[str]:
    """A part of the articles that are asked about, the same for the same seed."""
    names = sorted({question.article for question in questions})
    return frozenset(random.Random(seed).sample(names, round(part * len(names))))  # noqa: S311 - not for secrets


def documents_of(articles: Ids[str], collection: Collection) -> list[str]:
    """Ids of the documents of the articles."""
    return [key for key, article in _articles(collection) if article in articles]


def _articles(collection: Collection) -> Iterator[tuple[str, str]]:
    for document in collection.documents:
        yield document.id, document.title or document.id


def _article(grades: Mapping[str, int], articles: Mapping[str, str]) -> str:
    best = max(grades, key=lambda key: grades[key])
    return articles.get(best, best)


def _relevant(grades: Mapping[str, int]) -> frozenset[str]:
    return frozenset(key for key, grade in grades.items() if grade > 0)
