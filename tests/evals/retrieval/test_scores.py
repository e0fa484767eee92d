import math

import numpy as np
import pytest

from evals.retrieval.scores import MEASURES, compare, half_width, measure

pytest.importorskip("ir_measures")

QRELS = {"one": {"a": 1}, "two": {"a": 2, "b": 1, "c": 0}, "none": {"a": 1}}
RANKINGS = {"one": ["x", "a", "y"], "two": ["b", "c", "a"]}


def test_measures_are_those_of_the_books():
    found = measure(QRELS, RANKINGS)
    assert set(found) == set(MEASURES)
    second, third = 1 / math.log2(3), 1 / math.log2(4)
    assert found["ndcg@10"] == pytest.approx([second, (1 + 2 * third) / (2 + second), 0])
    assert found["recall@10"] == pytest.approx([1, 1, 0])
    assert found["mrr@10"] == pytest.approx([0.5, 1, 0])


def test_lists_are_cut_where_the_name_says():
    ranked = [f"x{n}" for n in range(10)]
    found = measure({"one": {"a": 1}}, {"one": [*ranked, "a"]})
    assert [found[name][0] for name in ("ndcg@10", "recall@10", "mrr@10", "recall@100")] == [0, 0, 0, 1]


def test_the_order_counts_and_not_the_ids():
    for ranked in (["a", "z"], ["a", "A"]):
        assert measure({"one": {"a": 1}}, {"one": ranked})["mrr@10"][0] == 1


def test_half_width_is_of_the_mean():
    values = np.array([0.0, 1.0] * 50)
    assert half_width(values) == pytest.approx(1.96 * values.std(ddof=1) / 10)
    assert half_width(values[:1]) == 0


def test_a_clear_difference_is_significant_and_none_is_not():
    rng = np.random.default_rng(1)
    one = rng.uniform(size=200)
    clear = compare(one + 0.1, one)
    assert clear["difference"] == pytest.approx(0.1)
    assert clear["p"] < 0.001
    noise = compare(one, one + rng.normal(scale=0.1, size=200))
    assert noise["p"] > 0.05
    assert noise["ci95"][0] < 0 < noise["ci95"][1]
    assert compare(one, one)["p"] == 1


def test_the_same_values_give_the_same_figures():
    rng = np.random.default_rng(2)
    one, other = rng.uniform(size=(2, 50))
    assert compare(one, other) == compare(one, other)
