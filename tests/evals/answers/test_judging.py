import pytest

from evals.answers.asking import Reply
from evals.answers.judging import MEASURES, judge, row
from evals.answers.questions import Question

QUESTION = Question("q", "Who invented it?", "Diesel", ("Rudolf Diesel",), frozenset({"a", "b"}))


def test_a_right_answer_with_a_right_and_a_wrong_citation():
    judged = judge(QUESTION, Reply("It was Rudolf Diesel.", ("x", "a")))
    assert judged == {
        "contains": 1.0,
        "exact_match": 0.0,
        "f1": pytest.approx(2 * 2 / 6),
        "cited_gold": 1.0,
        "citation_precision": 0.5,
        "citation_recall": 0.5,
    }
    assert set(judged) == set(MEASURES)


def test_a_refusal_scores_nothing_and_has_no_precision():
    assert judge(QUESTION, Reply(refused=True)) == dict.fromkeys(MEASURES, 0.0) | {"citation_precision": None}


def test_a_fourth_citation_comes_too_late():
    judged = judge(QUESTION, Reply("x", ("c", "d", "e", "a")))
    assert (judged["cited_gold"], judged["citation_precision"]) == (0.0, 0.25)


def test_a_row_keeps_what_was_said():
    kept = row(QUESTION, Reply("Rudolf Diesel", ("a",), degraded=("dense-unavailable",)))
    assert (kept["query"], kept["article"], kept["words"], kept["exact_match"]) == ("q", "Diesel", 2, 1.0)
    assert (kept["cited"], kept["degraded"], kept["refused"], kept["failed"]) == (
        ["a"],
        ["dense-unavailable"],
        False,
        "",
    )
