from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag.embedding.files import DEFAULT_MODEL, MANIFEST, MODEL_FILE, TOKENIZER_FILE, bundled_weights, read_manifest
from rag.embedding.onnx import COUNT_BATCH, OnnxModel
from rag.errors import ConfigError
from rag.ports import Vector

SENTENCES = (
    "What is the capital of Italy?",
    "The Eiffel Tower is 324 metres high, and was built by the company of Gustave Eiffel.",
    "A circuit breaker stops calling a dependency that fails.",
    "Which river flows through London?",
    "Bread is made of flour, water and yeast, and baked in an oven until its crust is brown.",
    "The committee rejected the proposal by twelve votes to seven.",
)
#: The marks that the tokenizer puts around a text.
SPECIAL = 2


def alone(model: OnnxModel, text: str) -> Vector:
    return model.encode([text])[0]  # type: ignore[no-any-return]


def test_vectors_have_the_stated_shape_and_unit_length(model: OnnxModel) -> None:
    vectors = model.encode(SENTENCES)
    assert vectors.shape == (len(SENTENCES), 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (model.info.model, model.info.dimension, model.info.max_tokens) == (DEFAULT_MODEL, 384, 256)


def test_meaning_brings_texts_together(model: OnnxModel) -> None:
    vectors = model.encode(["How tall is the Eiffel Tower?", *SENTENCES])
    assert (vectors[1:] @ vectors[0]).argmax() == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_vectors_are_those_of_sentence_transformers(model: OnnxModel) -> None:
    sentence_transformers = pytest.importorskip("sentence_transformers")
    original = sentence_transformers.SentenceTransformer(bundled_weights(DEFAULT_MODEL), device="cpu")
    expected = original.encode(list(SENTENCES), normalize_embeddings=True)
    got = np.array([alone(model, text) for text in SENTENCES])
    assert (got * expected).sum(axis=1).min() >= 0.99
    assert original.max_seq_length == model.info.max_tokens


def test_company_changes_a_vector_little(model: OnnxModel) -> None:
    # int8 activations are scaled by the largest of the whole run: 0.974 was the least cosine over 240 random texts of
    # up to 60 words, 0.98 over sentences; fp32 would give 1
    together = model.encode(SENTENCES)
    for row, text in zip(together, SENTENCES, strict=True):
        assert row @ alone(model, text) >= 0.97


def test_the_same_run_gives_the_same_vectors(model: OnnxModel) -> None:
    np.testing.assert_array_equal(model.encode(SENTENCES), model.encode(SENTENCES))


def test_a_cut_text_keeps_its_closing_token(model: OnnxModel) -> None:
    full = alone(model, "word " * (model.info.max_tokens - SPECIAL))
    np.testing.assert_array_equal(alone(model, "word " * 600), full)
    shorter = alone(model, "word " * (model.info.max_tokens - SPECIAL - 1))
    assert not np.array_equal(shorter, full)


def test_a_text_may_be_empty(model: OnnxModel) -> None:
    assert np.linalg.norm(alone(model, "")) == pytest.approx(1, abs=1e-5)


def test_tokens_are_counted_without_special_ones_and_uncut(model: OnnxModel) -> None:
    assert model.count_tokens(["", "word", "two words", "word " * 1_000]) == [0, 1, 2, 1_000]


def test_counts_of_many_texts_keep_their_order(model: OnnxModel) -> None:
    expected = [n % 7 for n in range(2 * COUNT_BATCH + 5)]
    assert model.count_tokens(["word " * n for n in expected]) == expected


def test_threads_share_a_model(model: OnnxModel) -> None:
    expected = [alone(model, text) for text in SENTENCES]
    with ThreadPoolExecutor(4) as pool:
        for vector, row in zip(pool.map(lambda text: alone(model, text), SENTENCES), expected, strict=True):
            np.testing.assert_array_equal(vector, row)


def test_the_pooling_is_that_of_the_manifest(model: OnnxModel, model_folder: Path) -> None:
    manifest = read_manifest(model_folder)
    assert manifest is not None
    first_token = OnnxModel.from_files(model_folder, manifest.model_copy(update={"pooling": "cls"}))
    vectors = first_token.encode(SENTENCES)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (vectors * model.encode(SENTENCES)).sum(axis=1).max() < 0.9


def test_a_folder_without_an_export_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no exported embedding model"):
        OnnxModel.load(tmp_path)


@pytest.mark.parametrize("file", [MODEL_FILE, TOKENIZER_FILE])
@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_a_broken_export_is_a_clear_error(tmp_path: Path, model_folder: Path, file: str, content: bytes | None) -> None:
    for name in (MANIFEST, TOKENIZER_FILE):
        shutil.copy(model_folder / name, tmp_path)
    (tmp_path / MODEL_FILE).symlink_to(model_folder / MODEL_FILE)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(ConfigError, match=r"is broken .*delete it"):
        OnnxModel.load(tmp_path)
