from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.backends.question import Question, stems_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The tower's 324.5 m", ["The", "tower", "s", "324.5", "m"]),
        ("v3.11, 1,000 and DATA_DIR", ["v3.11", "1,000", "and", "DATA", "DIR"]),
        ("Qdrant数据库", ["Qdrant", "数", "据", "库"]),
        ("высота башни", ["высота", "башни"]),
        ("?!", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_stems_join_the_forms_of_a_word() -> None:
    assert len(set(stems_of(["Evict", "evicts", "EVICTED", "evicting"]))) == 1


@given(st.text())
def test_any_text_is_a_question(text: str) -> None:
    question = Question.of(text)
    assert sum(question.weights.values()) == pytest.approx(1.0 if question.weights else 0.0)
    assert question.weights.keys() <= question.stems


def test_names_and_numbers_weigh_more_than_other_words() -> None:
    weights = Question.of("Did the band play Leeds in 1970?").weights
    assert set(weights) == {"band", "play", "leed", "1970"}
    assert weights["band"] == weights["play"] < weights["leed"]
    assert weights["band"] < weights["1970"]


def test_the_capital_that_opens_the_question_makes_no_name() -> None:
    weights = Question.of("Caches store pages").weights
    assert weights["cach"] < weights["store"] * 1.5


@pytest.mark.parametrize("text", ["", "hello", "Hi there!", "thanks", "How are you?", "Who are you?", "What is it?"])
def test_small_talk_has_no_content(text: str) -> None:
    assert not Question.of(text).weights


@pytest.mark.parametrize(
    ("question", "holding", "lacking"),
    [
        ("How many shards are there?", "There are four shards.", "There are some shards."),
        ("What is the population of Oslo?", "Some 700,000 people live there.", "Many people live there."),
        ("When was it built?", "It opened in March.", "It opened late."),
        ("In what year did it open?", "It opened in 1889.", "It opened late."),
        ("Who built the tower?", "The work of Gustave Eiffel.", "The work of an engineer."),
        ("Where is the tower?", "It stands in Paris.", "It stands on a hill."),
        ("Which city has the tower?", "It stands in Paris.", "It stands on a hill."),
        ("Why is it painted?", "It rusts because of the rain.", "It is painted brown."),
    ],
)
def test_what_a_question_asks_for(question: str, holding: str, lacking: str) -> None:
    assert Question.of(question).finds_its_kind(holding)
    assert not Question.of(question).finds_its_kind(lacking)


def test_a_name_in_the_question_does_not_answer_it() -> None:
    question = Question.of("Who admired Gustave Eiffel?")
    assert not question.finds_its_kind("He admired Eiffel.")
    assert question.finds_its_kind("Edison admired Eiffel.")


@pytest.mark.parametrize("text", ["What is a seam?", "shards", "What sea lay west when Genghis Khan died in 1227?"])
def test_some_questions_ask_for_nothing_in_particular(text: str) -> None:
    assert not Question.of(text).finds_its_kind("In 1889 Eiffel built four, because.")
