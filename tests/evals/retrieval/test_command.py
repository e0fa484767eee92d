import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.errors import CannotMeasure

pytest.importorskip("ir_measures")

COMMAND = [
    sys.executable,
    "-c",
    "from rag.cli.output import exit_on_error\nfrom evals.cli import app\nwith exit_on_error(): app()",
    "retrieval",
]


@pytest.fixture(autouse=True)
def environment(monkeypatch, model_folder):
    monkeypatch.setenv("STEADYRAG_CACHE_DIR", str(model_folder.parent.parent))
    monkeypatch.setenv("STEADYRAG_LIMITS__MIN_FREE_BYTES", "0")


def retrieval(*options):
    return CliRunner().invoke(app, ["retrieval", *map(str, options)], catch_exceptions=False)


def test_json_is_one_object_with_the_keys_of_the_contract(folder):
    done = retrieval("--data", folder, "--modes", "hybrid,bm25", "--shards", 1, "--json")
    assert done.exit_code == 0
    assert done.stdout.count("\n") == 1
    figures = json.loads(done.stdout)
    assert {"dataset", "n_docs", "n_queries", "shards", "index_s", "modes"} <= set(figures)
    for mode in ("hybrid", "bm25"):
        assert {"ndcg@10", "recall@10", "recall@100", "mrr@10", "p50_ms", "p99_ms"} <= set(figures["modes"][mode])


def test_people_get_a_table_and_stdout_stays_empty(folder):
    done = retrieval("--data", folder, "--modes", "hybrid,bm25", "--shards", 1)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "nDCG@10" in done.stderr
    assert "ingesting" in done.stderr


def test_bad_data_is_said_before_anything_is_done(folder, scratch):
    (folder / "queries.jsonl").write_text("{")
    with pytest.raises(CannotMeasure, match=r"queries\.jsonl:1"):
        retrieval("--data", folder, "--data-dir", scratch / "kept")
    assert not (scratch / "kept").exists()


def test_bad_usage_is_one_clear_line_and_status_2(tmp_path):
    done = subprocess.run([*COMMAND, "--data", tmp_path, "--json"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("steadyrag: there is no ")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_ends_it_in_order(folder, scratch):
    words = " ".join(f"word{n}" for n in range(100))
    with (folder / "corpus.jsonl").open("a") as file:
        file.writelines(json.dumps({"_id": f"d{n}", "text": f"{n} {words}"}) + "\n" for n in range(20_000))
    command = [*COMMAND, "--data", str(folder), "--shards", "1", "--json"]
    environment = os.environ | {"TMPDIR": str(scratch)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert "Ctrl-C stops" in first
    assert (process.returncode, out) == (130, "")
    assert not list(scratch.glob("steadyrag-eval-*"))
