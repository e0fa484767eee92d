"""A tiny cross-encoder with random weights, made on the spot: its judgements are noise, all else is real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rag.errors import ConfigError, DependencyFailed, DependencyTimeout
from rag.retrieval.rerank import CrossEncoderReranker

pytest.importorskip("sentence_transformers")

TEXTS = ["the tower is tall", "bread rises", "a tower of paris"]


def make(folder: Path, labels: int = 1) -> str:
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted({word for text in TEXTS for word in text.split()})]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(words))
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=len(words), num_labels=labels, **sizes)
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture
async def reranker(model: str) -> AsyncIterator[CrossEncoderReranker]:
    reranker = CrossEncoderReranker(model)
    yield reranker
    await reranker.aclose()


async def test_each_text_has_the_score_of_the_model(reranker: CrossEncoderReranker, model: str) -> None:
    from sentence_transformers import CrossEncoder

    scores = await reranker.scores("how tall is the tower", TEXTS, timeout_s=60)
    expected = CrossEncoder(model, device="cpu").predict([("how tall is the tower", text) for text in TEXTS])
    assert scores == pytest.approx([float(score) for score in expected], abs=1e-5)
    assert len(set(scores)) == len(TEXTS)


async def test_no_texts_have_no_scores(reranker: CrossEncoderReranker) -> None:
    assert await reranker.scores("what", [], timeout_s=60) == []


async def test_what_takes_too_long_is_a_timeout(reranker: CrossEncoderReranker) -> None:
    with pytest.raises(DependencyTimeout, match="longer than"):
        await reranker.scores("what", TEXTS * 100, timeout_s=0)


async def test_what_the_model_raises_is_a_failure(reranker: CrossEncoderReranker) -> None:
    broken: Any = object()
    with pytest.raises(DependencyFailed, match="the reranker failed"):
        await reranker.scores("what", [broken], timeout_s=60)


async def test_after_closing_it_answers_no_more(model: str) -> None:
    reranker = CrossEncoderReranker(model)
    await reranker.aclose()
    with pytest.raises(DependencyFailed):
        await reranker.scores("what", TEXTS, timeout_s=60)


def test_a_folder_without_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="RETRIEVAL__RERANKER"):
        CrossEncoderReranker(str(tmp_path))


def test_a_model_with_several_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="3 outputs"):
        CrossEncoderReranker(make(tmp_path / "three", labels=3))
