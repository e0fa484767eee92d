import json

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.errors import CannotMeasure
from evals.runs import load_run


def answers(*options):
    return CliRunner().invoke(app, ["answers", *map(str, options)], catch_exceptions=False)


def test_json_is_one_object_with_the_keys_of_the_contract_and_the_run_is_kept(folder, tmp_path):
    pytest.importorskip("pyarrow")
    done = answers("--data", folder, "--shards", 1, "--rephrased", 1, "--out", tmp_path / "run", "--json")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 1)
    figures = json.loads(done.stdout)
    assert {"n", "exact_match", "f1", "citation_precision", "citation_recall"} <= set(figures)
    assert {"precision", "recall"} <= set(figures["abstention"])
    run, rows = load_run(tmp_path / "run")
    assert (run.kind, run.summary["n"], [row["query"] for row in rows]) == ("answers", 4, ["q1", "q2", "q3", "q4"])


def test_people_get_a_table_and_stdout_stays_empty(folder):
    done = answers("--data", folder, "--shards", 1, "--rephrased", 0, "--held-out", 0)
    assert (done.exit_code, done.stdout) == (0, "")
    for words in ("citation precision", "abstention recall", "ingesting", "4 questions"):
        assert words in done.stderr


@pytest.mark.parametrize("options", [("--judge", "nowhere"), ("--held-out", "2")])
def test_bad_usage_is_said_before_anything_is_done(folder, scratch, options):
    with pytest.raises(CannotMeasure, match=options[0]):
        answers("--data", folder, "--data-dir", scratch / "kept", *options)
    assert not (scratch / "kept").exists()
