from typer.testing import CliRunner

from evals.cli import app


def test_the_page_is_written(stored, made, tmp_path):
    folder = stored("run", "latency", made["latency"]).folder
    out = tmp_path / "deep" / "report.html"
    done = CliRunner().invoke(app, ["report", str(folder), "--out", str(out)], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (0, "")
    assert "<h1>Evaluation: run</h1>" in out.read_text("utf-8")


def test_runs_are_wanted():
    assert CliRunner().invoke(app, ["report"]).exit_code == 2
