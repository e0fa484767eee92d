import json
import sys

import pytest

from evals.bench import ingestion, serving
from evals.bench.__main__ import main


@pytest.fixture
def bench(monkeypatch, capsys):
    """Run the command; gives the figures."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, arguments)])
        main()
        out, err = capsys.readouterr()
        return json.loads(out.splitlines()[-1]), err

    return run


def test_the_chosen_part_is_measured_and_printed(bench, data, cache_dir):
    figures, shown = bench("--data", data, "--only", "ingestion")
    assert set(figures) == {"ingestion"}
    assert figures["ingestion"]["documents"] == 4
    assert "passages_per_s" in shown


def test_serving_ingests_first_unless_the_corpus_is_there(bench, data, cache_dir, tmp_path, monkeypatch):
    ran = []

    async def served(questions, data_dir):
        ran.append(("serving", len(questions), data_dir))
        return {"start_to_ready_s": 1.0}

    def ingested(corpus, cache_dir, data_dir):
        ran.append(("ingestion", corpus, data_dir))
        data_dir.mkdir()
        (data_dir / "catalog.db").touch()
        return {"documents": 4.0}

    monkeypatch.setattr(serving, "measure", served)
    monkeypatch.setattr(ingestion, "measure", ingested)
    kept = tmp_path / "kept"
    for _ in range(2):
        bench("--data", data, "--only", "serving", "--data-dir", kept)
    assert ran == [("ingestion", data / "corpus.jsonl.gz", kept), ("serving", 3, kept), ("serving", 3, kept)]


def test_without_data_it_says_so(bench, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        bench("--data", tmp_path)
    assert ended.value.code == 2
    assert "no BEIR data" in capsys.readouterr().err
