from __future__ import annotations

import pytest

from router.backends.evidence import WEIGHTS, Candidate, find_candidates
from router.backends.question import Question
from router.types import Excerpt


def found(question: str, *texts: str, title: str = "") -> list[Candidate]:
    return find_candidates(Question.of(question), [Excerpt(f"[{i}]", title, text) for i, text in enumerate(texts, 1)])


def one(candidates: list[Candidate], start: str) -> Candidate:
    (match,) = (candidate for candidate in candidates if candidate.text.startswith(start))
    return match


def test_the_sentence_that_speaks_of_the_question_comes_first() -> None:
    first, *_ = found(
        "How high is the Eiffel Tower?", "Paris is large. It lies on the Seine.", "The Eiffel Tower is 324 m high."
    )
    assert first.text == "The Eiffel Tower is 324 m high."
    assert first.excerpt == 1
    assert first.features.own == pytest.approx(1.0)
    assert first.features.kind == 1.0
    assert first.features.rank == 0.5


def test_the_score_is_the_weighted_sum_of_the_features() -> None:
    (candidate,) = found("Qdrant shards", "Each shard is replicated.")
    assert candidate.score == pytest.approx(sum(w * f for w, f in zip(WEIGHTS, candidate.features, strict=True)))


def test_words_that_only_the_title_or_the_sentence_before_has_count_apart() -> None:
    candidates = found("When was the tower of Pisa closed?", "The tower leans. It was closed in 1990.", title="Pisa")
    closed = one(candidates, "It was closed").features
    question = Question.of("When was the tower of Pisa closed?")
    assert closed.own == pytest.approx(question.weights["close"])
    assert closed.context == pytest.approx(question.weights["pisa"])
    assert closed.preceding == pytest.approx(question.weights["tower"])
    assert closed.excerpt == pytest.approx(1.0)


def test_a_heading_is_the_context_of_its_section_until_the_next_one() -> None:
    text = "# Backup\nRun it nightly.\nKeep seven files.\n\n# Restore\nStop the service first. Then copy the file."
    candidates = found("How do I restore?", text)
    assert one(candidates, "Run it").features.context == 0.0
    assert one(candidates, "Stop the").features.context == 1.0
    assert one(candidates, "Then copy").features.context == 1.0
    assert all("#" not in candidate.text for candidate in candidates)


@pytest.mark.parametrize("empty", ["Restore", "# Restore", "How do I restore a backup from yesterday?"])
def test_what_says_no_more_than_the_question_or_asks_itself_is_no_answer(empty: str) -> None:
    assert found("How do I restore?", empty) == []


def test_neighbouring_words_of_the_question_count() -> None:
    candidates = found("prime number", "A prime is a number here. A prime number is one here.")
    assert one(candidates, "A prime number").features.pairs == 1.0
    assert one(candidates, "A prime is").features.pairs == 0.0
    assert {candidate.features.excerpt_pairs for candidate in candidates} == {1.0}


def test_a_question_of_one_word_is_met_by_that_word() -> None:
    met, missed = found("sharding", "Sharding spreads the load. It costs little.")
    assert (met.features.pairs, missed.features.pairs) == (1.0, 0.0)


def test_list_items_and_table_rows_are_sentences_without_their_marks() -> None:
    text = "Steps:\n\n- Stop the service\n- Copy the file\n3. Start it\n\n| port | use |\n| 8000 | the API |"
    texts = {candidate.text for candidate in found("file", text)}
    assert {"Stop the service", "Copy the file", "Start it", "8000 | the API |"} <= texts


@pytest.mark.parametrize("text", ["", " \n ", "?"])
def test_excerpts_without_a_sentence(text: str) -> None:
    assert found("How high is it?", text) == []


def test_no_excerpts() -> None:
    assert found("How high is it?") == []
