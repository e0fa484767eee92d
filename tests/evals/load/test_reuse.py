import json

import pytest

from evals.errors import CannotMeasure
from evals.load.reuse import about_passages, ask, prompts
from evals.load.traces import TraceRequest


def trace(*blocks):
    return [TraceRequest(0.0, 1, 1, ids) for ids in blocks]


def test_subjects_differ_in_the_block_after_those_that_all_share():
    recorded = trace((0, 7, 1, 2), (0, 7, 1, 3), (0, 7, 4), (0, 7, 1, 2), (0, 7))
    assert prompts(recorded) == [(0, 0), (0, 1), (1, 0), (0, 0), (2, 0)]


def test_prompts_that_are_all_the_same_are_one_question():
    assert prompts(trace((0, 1), (0, 1))) == [(0, 0), (0, 0)]


def test_one_subject_is_asked_about_in_one_group_and_the_seed_deals():
    groups = [[f"{name}{n}" for n in range(2)] for name in "abcdefgh"]
    recorded = trace((0, 1), (0, 1, 2), (0, 1), (0, 3), (0, 1, 4))
    first, other, again, elsewhere, wrapped = ask(recorded, groups, seed=1)
    assert first == again == wrapped
    assert first[0] == other[0] != elsewhere[0]
    assert first != other
    assert len({tuple(ask(recorded, groups, seed=seed)) for seed in range(9)}) > 1


def test_passages_are_asked_about_in_their_own_words(tmp_path):
    path = tmp_path / "corpus.jsonl"
    texts = ["The breaker opens after five slow calls. It half-opens after ten seconds of rest! Short.", "Too short."]
    path.write_text("\n".join(json.dumps({"_id": str(n), "text": text}) for n, text in enumerate(texts)))
    assert about_passages(path) == [
        [
            "What is said about this: The breaker opens after five slow calls?",
            "What is said about this: It half-opens after ten seconds of rest?",
        ]
    ]


def test_a_corpus_without_sentences_is_refused(tmp_path):
    path = tmp_path / "corpus.jsonl"
    path.write_text(json.dumps({"_id": "1", "text": "Short."}))
    with pytest.raises(CannotMeasure, match="no sentence"):
        about_passages(path)
