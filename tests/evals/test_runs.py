import json
import re
import sys

import pytest

from evals.errors import CannotMeasure
from evals.load.records import Record
from evals.runs import FORMAT, Run, environment, git_revision, load_run, prepare_folder, save_run

RUN = Run("latency", 1.5, 7, {"rate_rps": 2.0}, {"errors": 0, "ttft_ms": {"p50": None}}, {"python": "3"}, "abc")


def test_a_run_comes_back_as_it_was(tmp_path):
    pytest.importorskip("pyarrow")
    records = [
        Record("a", 0.0, 0.001, 0.5, ttft_s=0.1, itl_s=[0.1], degraded=["x"], timings_ms={"embed": 1.0}),
        Record("b", 1.0, 0.001, 0.5, error="timeout", timings_ms={"retrieve": 2.0}),
    ]
    folder = tmp_path / "runs" / "one"
    prepare_folder(folder)
    save_run(folder, RUN, [record.row() for record in records])
    run, rows = load_run(folder)
    assert run == RUN
    assert [Record.from_row(row) for row in rows] == records
    assert sorted(path.name for path in folder.iterdir()) == ["requests.parquet", "run.json"]


def test_a_run_without_requests_comes_back_too(tmp_path):
    pytest.importorskip("pyarrow")
    save_run(tmp_path, RUN, [])
    assert load_run(tmp_path) == (RUN, [])


def test_a_run_is_never_overwritten(tmp_path):
    pytest.importorskip("pyarrow")
    save_run(tmp_path, RUN, [])
    with pytest.raises(CannotMeasure, match="already holds a run"):
        prepare_folder(tmp_path)


@pytest.mark.parametrize("content", [None, "", "{}", "{nope", '{"kind": 1, "unknown": 2}'])
def test_other_folders_are_no_runs(tmp_path, content):
    pytest.importorskip("pyarrow")
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(CannotMeasure, match="holds no run"):
        load_run(tmp_path)


def test_a_run_says_its_format_and_one_of_another_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    save_run(tmp_path, RUN, [])
    told = json.loads((tmp_path / "run.json").read_text())
    assert told.pop("format") == FORMAT
    (tmp_path / "run.json").write_text(json.dumps(told))
    assert load_run(tmp_path) == (RUN, []), "the first ones said none"
    (tmp_path / "run.json").write_text(json.dumps(told | {"format": FORMAT + 1}))
    with pytest.raises(CannotMeasure, match=f"its format is {FORMAT + 1}.*measure again"):
        load_run(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    pytest.importorskip("pyarrow")
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotMeasure, match="cannot make"):
        prepare_folder(tmp_path / "file" / "run")


def test_without_pyarrow_the_line_that_mends_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(CannotMeasure, match=r"pip install 'steadyrag\[evals\]'"):
        prepare_folder(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_environment_names_what_measured():
    here = environment()
    assert here["python"] == ".".join(map(str, sys.version_info[:3]))
    assert here["cpu_count"] >= 1
    assert {"aiohttp", "numpy"} <= here["packages"].keys()


def test_the_revision_is_a_commit_or_nothing(monkeypatch):
    revision = git_revision()
    assert revision is None or re.fullmatch(r"[0-9a-f]{40}(-dirty)?", revision)
    monkeypatch.setenv("PATH", "")
    assert git_revision() is None
