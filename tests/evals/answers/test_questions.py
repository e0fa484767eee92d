import pytest

from evals.answers.questions import documents_of, draw_articles, read_questions
from evals.errors import CannotMeasure
from evals.retrieval.beir import read_collection


def test_questions_know_their_article_and_answers(folder):
    first, *_, last = read_questions(folder, read_collection(folder))
    assert (first.id, first.article, first.golds) == ("q1", "Eiffel Tower", ("330 metres", "330"))
    assert first.relevant == {"tower#0"}
    assert last.article == "bread#0"


def test_a_question_without_gold_answers_is_left_out(folder):
    text = (folder / "queries.jsonl").read_text().replace('["Rudolf Diesel"]', "[]")
    (folder / "queries.jsonl").write_text(text)
    assert [each.id for each in read_questions(folder, read_collection(folder))] == ["q1", "q2", "q4"]


def test_a_collection_without_gold_answers_is_refused(folder):
    (folder / "queries.jsonl").write_text((folder / "queries.jsonl").read_text().replace("metadata", "other"))
    with pytest.raises(CannotMeasure, match="no question of"):
        read_questions(folder, read_collection(folder))


def test_all_documents_of_an_article_go_with_it(folder):
    collection = read_collection(folder)
    assert documents_of({"Eiffel Tower", "bread#0"}, collection) == ["tower#0", "tower#1", "bread#0"]


def test_the_same_seed_draws_the_same_articles(folder):
    questions = read_questions(folder, read_collection(folder))
    drawn = draw_articles(questions, 0.5, seed=1)
    assert len(drawn) == 2
    assert drawn == draw_articles(questions[::-1], 0.5, seed=1)
    assert len({draw_articles(questions, 0.5, seed) for seed in range(20)}) > 1


def test_an_article_is_in_one_half(folder):
    questions = read_questions(folder, read_collection(folder))
    assert {each.half for each in questions} <= {0, 1}
    assert questions[0].half == read_questions(folder, read_collection(folder))[0].half
