import json

import pytest
from typer.testing import CliRunner

from evals.cli import app
from evals.profile import command
from evals.runs import Run, prepare_folder, save_run
from tests.support.profiled import RECORDS

pytest.importorskip("pyarrow")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "light"
    prepare_folder(made)
    save_run(made, Run("latency", 0.0, 0, {}, {}, {}, None), [record.row() for record in RECORDS])
    return made


def test_a_run_folder_becomes_figures_and_a_page(folder, tmp_path):
    page = tmp_path / "waterfall.html"
    done = CliRunner().invoke(app, ["waterfall", str(folder), "--out", str(page), "--json"], catch_exceptions=False)
    figures = json.loads(done.stdout)
    stages = figures["runs"][str(folder)]
    assert {*figures["stages"], "e2e"} == stages["p50"].keys()
    assert stages["p99"]["generate"] == pytest.approx(400.0)
    assert stages["p50"]["e2e"] == pytest.approx(120.0)
    assert "generate 400 ms, 95.2 %" in page.read_text()


def test_people_get_a_table(folder):
    done = CliRunner().invoke(app, ["waterfall", str(folder)], catch_exceptions=False)
    assert done.stdout == ""
    assert "95.2%" in done.stderr  # 400 of 420 ms


def test_a_page_that_cannot_be_written_is_said(folder, tmp_path):
    with pytest.raises(command.CannotMeasure, match="cannot write"):
        CliRunner().invoke(app, ["waterfall", str(folder), "--out", str(tmp_path)], catch_exceptions=False)
