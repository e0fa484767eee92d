import pytest

from evals.errors import CannotMeasure
from evals.retrieval.beir import read_collection
from evals.retrieval.run import MODES, Options, evaluate

pytest.importorskip("ir_measures")


@pytest.fixture(autouse=True)
def environment(monkeypatch, model_folder):
    monkeypatch.setenv("STEADYRAG_CACHE_DIR", str(model_folder.parent.parent))
    monkeypatch.setenv("STEADYRAG_LIMITS__MIN_FREE_BYTES", "0")


@pytest.fixture
def steps():
    return []


@pytest.fixture
def measured(folder, scratch, steps):
    async def call(**options):
        def watch(*step):
            steps.append(step)

        chosen = Options(**{"data_dir": scratch / "kept", "shards": 2} | options)
        summary, rows = await evaluate(read_collection(folder), chosen, watch)
        assert [row["query"] for row in rows] == ["q1", "q2", "q3"]
        for mode in chosen.modes:
            assert sum(row[f"{mode}.ndcg@10"] for row in rows) / 3 == pytest.approx(summary["modes"][mode]["ndcg@10"])
        return summary

    return call


async def test_every_mode_is_measured(measured, steps):
    report = await measured()
    assert {key: report[key] for key in ("dataset", "n_docs", "n_blank", "n_queries", "shards", "plan", "reused")} == {
        "dataset": "small",
        "n_docs": 6,
        "n_blank": 1,
        "n_queries": 3,
        "shards": 2,
        "plan": "fused",
        "reused": False,
    }
    assert report["index_s"] > 0
    assert set(report["modes"]) == set(MODES)
    for values in report["modes"].values():
        assert values["mrr@10"] == 1
        assert values["recall@100"] == pytest.approx((1 + 1 + 0.5) / 3)
        assert 0 < values["p50_ms"] <= values["p99_ms"]
        assert values["degraded"] == 0
    assert report["hybrid_vs_best_single"]["best"] in {"bm25", "dense"}
    assert report["hybrid_vs_best_single"]["difference"] == 0
    assert {step for step, *_ in steps} == {"ingesting", *MODES}
    assert all(done <= total for _, done, total in steps)


async def test_what_was_taken_in_is_used_again(measured):
    first = await measured(modes=("bm25",))
    again = await measured(modes=("bm25", "dense"), plan="tiered")
    assert (first["reused"], again["reused"], again["plan"]) == (False, True, "tiered")
    assert "hybrid_vs_best_single" not in again
    assert again["modes"]["bm25"]["ndcg@10"] == first["modes"]["bm25"]["ndcg@10"]


async def test_a_folder_with_other_documents_is_refused(measured, folder):
    await measured(modes=("bm25",))
    kept = [line for line in (folder / "corpus.jsonl").read_text().splitlines() if '"bread"' not in line]
    (folder / "corpus.jsonl").write_text("\n".join(kept))
    with pytest.raises(CannotMeasure, match="holds 5 documents, the corpus has 4"):
        await measured(modes=("bm25",))


async def test_without_a_folder_nothing_is_left_behind(measured, scratch, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert (await measured(modes=("bm25",), data_dir=None))["reused"] is False
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"modes": ("hybrid", "magic")}, "magic; there are"), ({"modes": ()}, "none given"), ({"plan": "x"}, "--plan")],
)
def test_modes_and_plans_that_there_are_not_are_refused(options, complaint):
    with pytest.raises(CannotMeasure, match=complaint):
        Options(**options)
