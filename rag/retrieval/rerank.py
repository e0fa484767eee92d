"""A cross-encoder of sentence-transformers as reranker; its libraries are imported only where one is configured."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rag.errors import ConfigError, DependencyFailed, DependencyTimeout

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class CrossEncoderReranker:
    """A `Reranker`. One call is computed at a time; those that wait in vain are never begun.

    Args:
        model: name or local folder of a cross-encoder with one output.

    Raises:
        ConfigError: the libraries are missing, or the model cannot be loaded or has several outputs.
    """

    def __init__(self, model: str) -> None:
        self._model = _load(model)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="rerank")

    async def scores(self, question: str, texts: Sequence[str], *, timeout_s: float) -> list[float]:
        """See `rag.ports.Reranker`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._pool, self._predict, question, texts)
        except TimeoutError:
            raise DependencyTimeout(f"the reranker took longer than {timeout_s:.2f} s") from None
        except Exception as error:
            raise DependencyFailed(f"the reranker failed: {error}") from error

    async def aclose(self) -> None:
        """Finish what runs; what waits is dropped."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _predict(self, question: str, texts: Sequence[str]) -> list[float]:
        if not texts:
            return []
        scores = self._model.predict([(question, text) for text in texts], show_progress_bar=False)
        return [float(score) for score in scores]


def _load(model: str) -> CrossEncoder:
    try:
        from sentence_transformers import CrossEncoder  # noqa: PLC0415 - seconds and torch, for those who want it
    except ImportError as error:
        raise ConfigError("a reranker needs sentence-transformers: pip install 'steadyrag[rerank]'") from error
    try:
        encoder: CrossEncoder = CrossEncoder(model, device="cpu")
    except Exception as error:
        raise ConfigError(f"STEADYRAG_RETRIEVAL__RERANKER={model!r} cannot be loaded: {error}") from error
    if encoder.num_labels != 1:
        raise ConfigError(f"STEADYRAG_RETRIEVAL__RERANKER={model!r} has {encoder.num_labels} outputs, not one score")
    return encoder
