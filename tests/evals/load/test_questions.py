import itertools
from collections import Counter

import pytest

from evals.errors import CannotMeasure
from evals.load.questions import DEFAULT_QUESTIONS, read_questions, zipf


def test_reads_beir_jsonl_and_plain_lines(tmp_path):
    path = tmp_path / "queries.jsonl"
    path.write_text(
        '{"_id": "1", "text": "one"}\n{"question": "two"}\n\n{"query": "three"}\n{"prompt": "four"}\nfive?\n'
    )
    assert read_questions(path) == ["one", "two", "three", "four", "five?"]


@pytest.mark.parametrize(("text", "complaint"), [("", "no questions"), ('{"_id": "1"}', "q:1"), ("a\n{nope", "q:2")])
def test_refuses_files_without_questions(tmp_path, text, complaint):
    path = tmp_path / "q"
    path.write_text(text)
    with pytest.raises(CannotMeasure, match=complaint):
        read_questions(path)


def shares(s, n=100, draws=50_000):
    drawn = Counter(itertools.islice(zipf([str(i) for i in range(n)], s, seed=5), draws))
    return [count / draws for _, count in drawn.most_common()]


def test_zipf_gives_rank_r_a_share_of_r_to_the_minus_s():
    harmonic = sum(1 / rank for rank in range(1, 101))
    expected = [1 / rank / harmonic for rank in (1, 2, 3)]
    four_sigma = 4 * (0.2 * 0.8 / 50_000) ** 0.5
    assert shares(1.0)[:3] == pytest.approx(expected, abs=four_sigma)


def test_zero_is_uniform():
    assert max(shares(0.0)) < 0.0125


def test_the_seed_decides_order_and_popularity():
    first, again, other = (list(itertools.islice(zipf(DEFAULT_QUESTIONS, 0.8, seed), 50)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
