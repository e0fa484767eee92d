"""A reply beside what is known to be right."""

from __future__ import annotations

from typing import Any

from evals.answers import squad
from evals.answers.asking import Reply
from evals.answers.questions import Question

#: Citations among which the gold passage is looked for.
CITATIONS = 3
#: Columns of a question's row in which more is better: what a gate compares.
MEASURES = ("contains", "exact_match", "f1", "cited_gold", "citation_precision", "citation_recall")


def judge(question: Question, reply: Reply) -> dict[str, Any]:
    """The measures of one answer, each from 0 to 1; None for the precision of citations that there are not."""
    right = question.relevant.intersection(reply.cited)
    return {
        "contains": float(squad.contains(reply.text, question.golds)),
        "exact_match": float(squad.exact_match(reply.text, question.golds)),
        "f1": squad.f1(reply.text, question.golds),
        "cited_gold": float(not question.relevant.isdisjoint(reply.cited[:CITATIONS])),
        "citation_precision": len(right) / len(reply.cited) if reply.cited else None,
        "citation_recall": len(right) / len(question.relevant),
    }


def row(question: Question, reply: Reply) -> dict[str, Any]:
    """What is kept of a question: how it was answered, and the measures."""
    return {
        "query": question.id,
        "article": question.article,
        "half": question.half,
        "answer": reply.text,
        "words": len(reply.text.split()),
        "cited": list(reply.cited),
        "refused": reply.refused,
        "failed": reply.failed,
        "degraded": list(reply.degraded),
        **judge(question, reply),
    }
