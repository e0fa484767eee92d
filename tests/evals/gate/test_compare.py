import numpy as np
import pytest

from evals.errors import CannotMeasure
from evals.gate.compare import Paired, compare, read_pair
from evals.runs import Run, save_run


def store(folder, rows, kind="retrieval"):
    folder.mkdir()
    save_run(folder, Run.made_here(kind, 0.0, 0, {}, {}), rows)
    return folder


def test_identical_runs_pass():
    values = np.random.default_rng(0).random((50, 2))
    found = compare(Paired(["f1", "contains"], values, values))
    assert found["passed"]
    assert all(figures["p_adjusted"] == 1.0 for figures in found["measures"].values())


def test_figures_of_a_measure():
    one, other = np.array([[1.0], [0.5], [np.nan]]), np.array([[0.5], [0.5], [1.0]])
    figures = compare(Paired(["f1"], one, other))["measures"]["f1"]
    assert (figures["baseline"], figures["pairs"], figures["difference"]) == (0.75, 2, -0.25)
    assert figures["ci95"][0] <= -0.25 <= figures["ci95"][1]


def test_nothing_to_compare_is_none():
    nothing = np.full((2, 1), np.nan)
    assert compare(Paired(["f1"], nothing, nothing))["measures"]["f1"]["difference"] is None


def test_runs_are_paired_by_query(tmp_path):
    pytest.importorskip("pyarrow")
    rows = [{"query": "a", "hybrid.ndcg@10": 1.0, "took": 3}, {"query": "b", "hybrid.ndcg@10": 0.5, "took": 4}]
    one, other = store(tmp_path / "one", rows), store(tmp_path / "other", rows[::-1])
    paired = read_pair(one, other)
    assert paired.measures == ["hybrid.ndcg@10"]
    assert paired.baseline.tolist() == paired.candidate.tolist() == [[1.0], [0.5]]


ROW = {"query": "a", "hybrid.ndcg@10": 1.0}


@pytest.mark.parametrize(
    ("rows", "kind", "complaint"),
    [
        ([ROW], "answers", "of answers by one of retrieval"),
        ([ROW | {"query": "b"}], "retrieval", "differ in 2 queries"),
        ([ROW, ROW], "retrieval", "no row for each query"),
        ([{"id": "a"}], "retrieval", "no row for each query"),
        ([], "retrieval", "no row for each query"),
        ([{"query": "a", "bm25.ndcg@10": 1.0}], "retrieval", r"bm25\.ndcg@10, hybrid\.ndcg@10"),
    ],
)
def test_what_is_no_pair_is_refused(tmp_path, rows, kind, complaint):
    pytest.importorskip("pyarrow")
    baseline, candidate = store(tmp_path / "one", [ROW]), store(tmp_path / "other", rows, kind)
    with pytest.raises(CannotMeasure, match=complaint):
        read_pair(baseline, candidate)


def test_runs_without_rows_by_query_are_not_gated(tmp_path):
    pytest.importorskip("pyarrow")
    folders = [store(tmp_path / name, [{"e2e_s": 1.0}], "latency") for name in ("one", "other")]
    with pytest.raises(CannotMeasure, match="there are retrieval, answers"):
        read_pair(*folders)
