from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rag.embedding.export import MIN_COSINE, PROBES, _pooling, _publish
from rag.embedding.files import DEFAULT_MODEL, FORMAT, MANIFEST, MODEL_FILE, TOKENIZER_FILE, read_manifest
from rag.embedding.onnx import OnnxModel


def test_the_export_is_complete_small_and_checked(model_folder: Path) -> None:
    manifest = read_manifest(model_folder)
    assert manifest is not None
    assert (manifest.format, manifest.model, manifest.dimension) == (FORMAT, DEFAULT_MODEL, 384)
    assert manifest.precision in {"int8", "int8-reduced-range"}
    assert MIN_COSINE <= manifest.min_cosine <= 1
    assert sorted(file.name for file in model_folder.iterdir()) == sorted([MANIFEST, MODEL_FILE, TOKENIZER_FILE])
    assert (model_folder / MODEL_FILE).stat().st_size < 30e6


def test_no_two_probes_are_alike_to_the_model(model: OnnxModel) -> None:
    vectors = model.encode(PROBES)
    cosines = vectors @ vectors.T - np.eye(len(PROBES))
    assert cosines.max() < 0.9  # the check would pass whatever the model says of them


class Pooling:
    """As sentence-transformers has it, to the extent that is looked at."""

    def __init__(self, mode: str) -> None:
        self.pooling_mode = mode


@pytest.mark.parametrize("mode", ["mean", "cls"])
def test_pooling_is_read_from_the_model(mode: str) -> None:
    assert _pooling([SimpleNamespace(), Pooling(mode)]) == mode  # type: ignore[arg-type]


def test_a_model_without_pooling_is_averaged() -> None:
    assert _pooling([SimpleNamespace()]) == "mean"  # type: ignore[arg-type]


def test_other_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="'max' is not supported; choose a model with mean or CLS pooling"):
        _pooling([Pooling("max")])  # type: ignore[arg-type]


def finished(folder: Path, content: str) -> Path:
    folder.mkdir()
    (folder / MANIFEST).write_text(content)
    return folder


def test_a_finished_export_appears_whole(tmp_path: Path) -> None:
    _publish(finished(tmp_path / "work", "mine"), tmp_path / "model")
    assert (tmp_path / "model" / MANIFEST).read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_the_faster_of_two_exports_stands(tmp_path: Path) -> None:
    finished(tmp_path / "model", "theirs")
    _publish(finished(tmp_path / "work", "mine"), tmp_path / "model")
    assert (tmp_path / "model" / MANIFEST).read_text() == "theirs"
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


def test_a_folder_that_is_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "something else").write_text("")
    with pytest.raises(OSError, match="not empty"):
        _publish(finished(tmp_path / "work", "mine"), tmp_path / "model")
    assert not (tmp_path / "model" / MANIFEST).exists()
