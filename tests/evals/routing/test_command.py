import json
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from evals.routing import command
from router.training import train


@pytest.fixture
def run(monkeypatch, embedder):
    monkeypatch.setattr(command, "embedding_model", lambda: embedder)
    app = typer.Typer()
    app.command()(command.routing)
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def model(table, tmp_path):
    path = tmp_path / "model.npz"
    train(table, embedder="tiny").save(path)
    return path


def test_figures_and_picture(run, outcomes, model, tmp_path):
    picture = tmp_path / "curve.svg"
    done = run("--outcomes", outcomes, "--model", model, "--out", picture, "--json")
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout.splitlines()[-1])
    assert set(summary["sources"]) == {"a", "b"}
    assert summary["decision_p50_ms"] > 0
    assert summary["trained_on"] == 1.0
    assert "no fair figures" in done.stderr
    ElementTree.parse(picture)


def test_halves_are_fair(run, outcomes, model):
    done = run("--outcomes", outcomes, "--model", model, "--splits", "2", "--json")
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["splits"], summary["trained_on"]) == (2, 0.0)
    assert all(figures["repeats"] == 2 for figures in summary["sources"].values())


def test_weights_of_another_embedder_are_refused(run, outcomes):
    assert "belongs to vectors of all-MiniLM-L6-v2" in str(run("--outcomes", outcomes).exception)
