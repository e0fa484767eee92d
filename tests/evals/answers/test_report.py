import pytest

from evals.answers.report import abstention, consistency, summarise


def row(contains, *, half=0, precision=1.0, **more):
    measures = {"exact_match": 0.0, "f1": 0.25, "cited_gold": contains, "citation_recall": contains}
    said = {"query": "q", "half": half, "words": 3, "refused": False, "failed": "", "degraded": []}
    return said | measures | {"contains": contains, "citation_precision": precision} | more


def test_figures_and_intervals_of_the_whole_and_of_both_halves():
    rows = [row(1.0), row(1.0, half=1), row(0.0, half=1, precision=None, refused=True, words=0)]
    figures = summarise(rows, [], seed=0)
    assert {"n", "exact_match", "f1", "citation_precision", "citation_recall", "abstention"} <= set(figures)
    assert (figures["n"], figures["contains"], figures["citation_precision"]) == (3, pytest.approx(2 / 3), 1.0)
    assert figures["ci95"]["contains"] == pytest.approx([0.0943, 0.9916], abs=1e-4)
    assert figures["answered"]["value"] == pytest.approx(2 / 3)
    assert figures["mean_words"] == 3
    assert [figures["halves"][half]["n"] for half in ("0", "1")] == [1, 2]
    assert figures["halves"]["1"]["contains"]["value"] == 0.5


def test_a_failure_is_no_answer_and_no_refusal():
    figures = summarise([row(1.0), row(0.0, failed="dependency_failed")], [], seed=0)
    assert (figures["failed"], figures["answered"]["value"]) == (1, 0.5)


def test_abstention_is_judged_on_what_is_gone():
    rows = [
        row(1.0, unanswerable=True, abstained=True),
        row(1.0, unanswerable=True, abstained=True),
        row(1.0, unanswerable=True, abstained=False),
        row(1.0, unanswerable=False, abstained=True),
        row(1.0, unanswerable=False, abstained=False),
    ]
    found = abstention(rows)
    assert (found["n"], found["unanswerable"], found["refused"]) == (5, 3, 3)
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert found["ci95"]["recall"][0] < found["recall"] < found["ci95"]["recall"][1]


def test_without_anything_left_out_abstention_is_not_known():
    assert abstention([row(1.0)])["precision"] is None


def test_consistency_over_all_and_by_kind():
    rows = [
        {"kind": "typo", "agreement": 0.5, "same_source": False, "contains": 0.0},
        {"kind": "case", "agreement": 1.0, "same_source": True, "contains": 1.0},
    ]
    found = consistency(rows, seed=0)
    assert (found["agreement"]["value"], found["same_source"]["value"]) == (0.75, 0.5)
    assert found["by_kind"]["typo"]["agreement"]["value"] == 0.5
    assert consistency([], seed=0)["agreement"]["value"] is None
