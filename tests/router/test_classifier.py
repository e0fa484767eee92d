import time

import numpy as np
import pytest

from router.classifier import Classifier, Prediction, default_classifier, nearness, sigmoid
from router.features import NAMES, Evidence
from tests.support.outcomes import DIMENSION, made_table


def test_what_is_saved_is_loaded(classifier, tmp_path):
    path = tmp_path / "c.npz"
    classifier.save(path)
    loaded, table = Classifier.load(path), made_table(50, seed=2)
    np.testing.assert_allclose(
        loaded.probabilities(table.vectors, table.found),
        classifier.probabilities(table.vectors, table.found),
        atol=1e-5,
    )
    assert (loaded.embedder, loaded.threshold, loaded.record) == ("tiny", classifier.threshold, classifier.record)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04broken"])
def test_another_file_is_refused(content, tmp_path):
    path = tmp_path / "c.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no weights"):
        Classifier.load(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no weights"):
        Classifier.load(tmp_path / "none.npz")


def test_weights_for_other_features_are_refused(classifier, tmp_path, monkeypatch):
    path = tmp_path / "c.npz"
    classifier.save(path)
    monkeypatch.setattr("router.classifier.NAMES", NAMES[1:])
    with pytest.raises(ValueError, match="train it again"):
        Classifier.load(path)


def test_a_prediction_is_a_row_of_the_table(classifier):
    table = made_table(5, seed=3)
    small, large = classifier.probabilities(table.vectors, table.found)[2]
    found = classifier.predict(table.questions[2], table.vectors[2])
    assert (found.small, found.large) == (pytest.approx(small), pytest.approx(large))
    assert found.gain == pytest.approx(large - small)


def test_evidence_that_training_never_saw_changes_nothing(classifier):
    table = made_table(1, seed=3)
    with_evidence = classifier.predict(table.questions[0], table.vectors[0], Evidence(0.9, 20, 8000))
    assert with_evidence == classifier.predict(table.questions[0], table.vectors[0])


def test_a_question_unlike_the_training_data_is_far(classifier):
    away = -classifier.known.anchors.mean(axis=0)
    near = classifier.known.anchors[0]
    cosines = np.stack([near, away / np.linalg.norm(away)]) @ classifier.known.anchors.T
    assert nearness(cosines)[0] < nearness(cosines)[1]
    assert not classifier.known.are_far(near[None])[0]
    odd = Classifier.predict(_only_one_side(classifier), "What?", -np.eye(DIMENSION, dtype=np.float32)[0])
    assert odd.far


def _only_one_side(classifier):
    """The classifier as if all that it was trained on lay on the positive side of the first coordinate."""
    from dataclasses import replace

    known = classifier.known
    return replace(classifier, known=replace(known, anchors=known.anchors[known.anchors[:, 0] > 0]))


def test_it_knows_the_questions_that_it_was_trained_on(classifier):
    asked = [made_table().questions[7], "What is new?"]
    assert classifier.known.has_seen(asked).tolist() == [True, False]


def test_another_threshold_leaves_the_weights(classifier):
    moved = classifier.with_threshold(0.25, {"target_quality": 0.9})
    assert (moved.threshold, moved.record["calibration"]) == (0.25, {"target_quality": 0.9})
    assert moved.weights is classifier.weights
    assert "calibration" not in classifier.record


def test_sigmoid():
    assert sigmoid(np.array([0.0, 100.0, -100.0])) == pytest.approx([0.5, 1.0, 0.0])


def test_gain_is_what_the_large_model_adds():
    assert Prediction(0.5, 0.75).gain == 0.25


def test_the_shipped_weights_tell_where_they_come_from():
    shipped = default_classifier()
    assert shipped.embedder == "all-MiniLM-L6-v2"
    assert shipped.weights.shape[0] == 2
    assert {"n", "seed", "data", "date", "licence", "held_out"} <= shipped.record.keys()


@pytest.mark.parametrize(("source", "target"), [("mmlu", 0.68), ("gsm8k", 0.60), ("llmrouter", 0.68)])
def test_the_shipped_weights_were_worth_their_target_on_questions_held_out(source, target):
    held_out = default_classifier().record["held_out"][source]
    assert held_out["apgr"] >= target
    assert held_out["apgr_ci95"][0] > 0.5


def test_the_shipped_file_is_small_and_quick_to_load():
    from importlib.resources import files

    file = files("router.data").joinpath("classifier.npz")
    assert len(file.read_bytes()) < 1_000_000
    start = time.process_time()
    Classifier.load(file)
    assert time.process_time() - start < 0.5


def test_without_an_embedding_the_features_decide_and_nothing_is_far(classifier):
    found = classifier.predict("What is 1?", None)
    assert found == classifier.predict("What is 1?", None, Evidence(0.5, 3, 100))
    assert found.wordwise
    assert not found.far
    assert 0.0 < found.small < 1.0
    shipped = default_classifier()
    assert shipped.predict("Explain why 17 + 25 = 42.", None).gain != shipped.predict("Who was it?", None).gain
