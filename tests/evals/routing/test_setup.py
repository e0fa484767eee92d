import pytest

from evals.errors import CannotMeasure
from evals.routing.setup import classifier_for, progress, save, write
from router.classifier import default_classifier


def test_the_shipped_classifier_is_the_default():
    assert classifier_for(None, "all-MiniLM-L6-v2") is default_classifier()


def test_a_classifier_of_another_embedder_is_refused():
    with pytest.raises(CannotMeasure, match="belongs to vectors of"):
        classifier_for(None, "other")


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(CannotMeasure, match="cannot write"):
        write(tmp_path, b"")
    with pytest.raises(CannotMeasure, match="cannot write"):
        save(default_classifier(), tmp_path)


def test_progress_ends(capsys):
    with progress("counting") as watch:
        watch(1, 2)
        watch(2, 2)
    assert "counting" in capsys.readouterr().err
