import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cache.scorer import Scorer, default_scorer
from cache.training import _TREES
from evals.cache.group import app as group
from evals.cli import app
from evals.errors import CannotMeasure

pytestmark = pytest.mark.usefixtures("exported")


def run(app, *options):
    return CliRunner().invoke(app, [*map(str, options)], catch_exceptions=False)


def test_eval_prints_one_object_and_draws(pairs, pairs_file, tmp_path):
    done = run(app, "cache", "--pairs", pairs_file, pairs_file, "--json", "--out", tmp_path / "curve.svg")
    figures = json.loads(done.stdout)
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    assert figures["n"] == 2 * len(pairs)
    assert figures["policies"]["product"]["false_hit_rate"] == 0.0
    assert figures["policies"]["cosine@0.80"]["false_hit_rate"] > 0.0
    assert (tmp_path / "curve.svg").read_text().startswith("<svg")


def test_each_half_is_judged_alone(pairs, pairs_file):
    halves = (json.loads(run(app, "cache", "--pairs", pairs_file, "--half", n, "--json").stdout) for n in (1, 2))
    assert sum(figures["n"] for figures in halves) == len(pairs)


def test_without_json_stdout_is_empty(pairs_file):
    assert run(app, "cache", "--pairs", pairs_file).stdout == ""


def test_trained_weights_are_used(pairs, pairs_file, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.setitem(_TREES, "max_iter", 30)
    out = tmp_path / "scorer.npz"
    done = run(group, "train", "--pairs", pairs_file, "--target-precision", "0.8", "--out", out, "--seed", 3, "--json")
    figures = json.loads(done.stdout)
    assert (figures["n"], figures["embedder"]) == (len(pairs), "all-MiniLM-L6-v2")
    assert Scorer.load(out).threshold == figures["threshold"]
    assert Scorer.load(out).trained_on == "pairs.jsonl"
    judged = json.loads(run(app, "cache", "--pairs", pairs_file, "--scorer", out, "--json").stdout)
    assert judged["recall_at_precision"]["product"]["0.90"] > judged["recall_at_precision"]["cosine"]["0.90"]


def test_weights_of_another_model_are_refused(pairs_file, tmp_path):
    replace(default_scorer(), embedder="other").save(tmp_path / "other.npz")
    with pytest.raises(CannotMeasure, match="belong to vectors of other"):
        run(app, "cache", "--pairs", pairs_file, "--scorer", tmp_path / "other.npz")


def test_what_cannot_be_trained_or_written(pairs_file, tmp_path):
    few = tmp_path / "few.jsonl"
    few.write_text("".join(pairs_file.read_text().splitlines(keepends=True)[:10]))
    with pytest.raises(CannotMeasure, match="at least 200 pairs"):
        run(group, "train", "--pairs", few)
    with pytest.raises(CannotMeasure, match="cannot write"):
        run(app, "cache", "--pairs", few, "--out", tmp_path / "absent" / "curve.svg")
