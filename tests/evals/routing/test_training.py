import pytest
from typer.testing import CliRunner

from evals.routing import training
from evals.routing.group import app
from router.classifier import Classifier


@pytest.fixture
def run(monkeypatch, embedder):
    monkeypatch.setattr(training, "embedding_model", lambda: embedder)
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def trained(run, outcomes, tmp_path):
    path = tmp_path / "mine.npz"
    assert run("train", "--outcomes", outcomes, "--out", path, "--licence", "ours").exit_code == 0
    return path


def test_what_is_trained_is_written_with_its_record(trained):
    classifier = Classifier.load(trained)
    assert classifier.embedder == "tiny"
    assert (classifier.record["data"], classifier.record["licence"]) == (["made.jsonl"], "ours")


def test_a_calibrated_threshold_is_written(run, trained, outcomes, tmp_path):
    out = tmp_path / "set.npz"
    done = run("calibrate", "--outcomes", outcomes, "--model", trained, "--budget", "0.3", "--out", out, "--json")
    assert done.exit_code == 0, done.output
    classifier = Classifier.load(out)
    found = classifier.record["calibration"]
    assert found["share_large"] == pytest.approx(0.3, abs=0.01)
    assert classifier.threshold == found["threshold"]
    assert found["quality_ci95"][0] < found["quality"] < found["quality_ci95"][1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "either"),
        (["--target-quality", "0.9", "--budget", "1"], "either"),
        (["--target-quality", "95"], "at most 1"),
        (["--budget", "1", "--price-small", "2", "--price-large", "3"], "does not pay"),
    ],
)
def test_a_target_that_makes_no_sense_is_refused(run, trained, outcomes, options, message):
    done = run("calibrate", "--outcomes", outcomes, "--model", trained, *options)
    assert message in str(done.exception)


def test_a_file_that_is_no_classifier_is_refused(run, outcomes):
    done = run("calibrate", "--outcomes", outcomes, "--model", outcomes, "--budget", "0.3")
    assert "holds no weights" in str(done.exception)
