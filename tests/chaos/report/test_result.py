import shutil

import orjson
import pytest

from chaos.errors import CannotRun
from chaos.report.result import load


def test_a_folder_is_read_and_analysed(folders):
    result = load(folders["good"])
    assert (result.name, result.deadline_s) == ("vector-db-latency", 5.0)
    assert (result.window.start_s, result.window.end_s, result.end_s) == (15, 30, 45)
    assert result.figures["verdict"] == "pass"
    assert result.figures["quality"]["fault"]["ndcg@10"] == 0.885
    assert len(result.requests) == result.figures["requests"]


def test_quality_may_be_missing(folders, tmp_path):
    folder = shutil.copytree(folders["good"], tmp_path / "copy")
    (folder / "quality.json").unlink()
    assert load(folder).figures["quality"] is None


def test_a_deviation_in_the_journal_is_a_failure(folders, tmp_path):
    folder = shutil.copytree(folders["good"], tmp_path / "copy")
    (folder / "journal.json").write_bytes(orjson.dumps({"status": "completed", "deviated": True}))
    assert load(folder).figures["verdict"] == "fail"


def test_reasons_against_the_generator_are_kept(folders, tmp_path):
    folder = shutil.copytree(folders["good"], tmp_path / "copy")
    run = orjson.loads((folder / "run.json").read_bytes())
    (folder / "run.json").write_bytes(orjson.dumps({**run, "summary": {"invalid_reasons": ["late"]}}))
    assert load(folder).figures["reasons"] == ["late"]


@pytest.mark.parametrize("missing", ["run.json", "events.json", "journal.json", "requests.parquet"])
def test_what_is_no_result_is_refused_in_one_line(folders, tmp_path, missing):
    folder = shutil.copytree(folders["good"], tmp_path / "copy")
    (folder / missing).unlink()
    with pytest.raises(CannotRun, match="holds no result of an experiment") as raised:
        load(folder)
    assert "\n" not in str(raised.value)


def test_a_run_of_another_kind_is_refused(folders, tmp_path):
    folder = shutil.copytree(folders["good"], tmp_path / "copy")
    run = orjson.loads((folder / "run.json").read_bytes())
    (folder / "run.json").write_bytes(orjson.dumps({**run, "config": {"rate": 1}}))
    with pytest.raises(CannotRun, match="phases"):
        load(folder)
