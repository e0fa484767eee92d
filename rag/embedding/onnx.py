"""An exported model on onnxruntime: texts in, unit vectors out; blocking, for use in worker threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from tokenizers import Encoding, Tokenizer

from rag.embedding.files import MODEL_FILE, TOKENIZER_FILE, Manifest, read_manifest
from rag.errors import ConfigError
from rag.ports import EmbedderInfo, Vectors

#: Texts tokenised at once when only their lengths are wanted: bounds the memory of the encodings.
COUNT_BATCH = 1024


class OnnxModel:
    """A sentence embedding model. One call uses one core; calls from several threads run side by side.

    Measured on two cores: two calls of one or two passages each, side by side, embed 20 to 30 % more passages per
    second than one call on two threads, and large padded batches are slower than either.
    """

    def __init__(self, session: ort.InferenceSession, tokenizer: Tokenizer, manifest: Manifest) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._pooling = manifest.pooling
        self._inputs = {entry.name for entry in session.get_inputs()}
        self.info = EmbedderInfo(manifest.model, manifest.dimension, manifest.max_tokens)
        self.precision = manifest.precision

    @classmethod
    def load(cls, folder: Path) -> OnnxModel:
        """The model exported to `folder`.

        Raises:
            ConfigError: the folder holds no complete export, or one that cannot be read.
        """
        manifest = read_manifest(folder)
        if manifest is None:
            raise ConfigError(f"{folder} holds no exported embedding model; delete it to have it exported again")
        return cls.from_files(folder, manifest)

    @classmethod
    def from_files(cls, folder: Path, manifest: Manifest) -> OnnxModel:
        """The model in `folder` as `manifest` describes it."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            session = ort.InferenceSession(str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"])
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        except Exception as error:
            raise ConfigError(f"the exported embedding model in {folder} is broken ({error}); delete it") from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return cls(session, tokenizer, manifest)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape [len(texts), dimension], float32. Texts beyond `info.max_tokens` are cut."""
        ids, mask = self._pad(self._tokenizer.encode_batch(list(texts)))
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        states = self._session.run(None, {name: feed[name] for name in self._inputs})[0]
        return _unit(_pool(np.asarray(states, np.float32), mask, self._pooling))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut, without the special ones."""
        counts: list[int] = []
        for start in range(0, len(texts), COUNT_BATCH):
            batch = self._tokenizer.encode_batch_fast(
                list(texts[start : start + COUNT_BATCH]), add_special_tokens=False
            )
            counts.extend(len(encoding.ids) for encoding in batch)
        return counts

    def _pad(self, encodings: Sequence[Encoding]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Token ids and mask, shape [n, longest]; a cut text keeps its closing special token."""
        limit = self.info.max_tokens
        rows = [e.ids if len(e.ids) <= limit else [*e.ids[: limit - 1], e.ids[-1]] for e in encodings]
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        return ids, mask


def _pool(states: Vectors, mask: npt.NDArray[np.int64], pooling: str) -> Vectors:
    """Token states [n, tokens, dimension] to one vector a text (Reimers and Gurevych 2019, section 3)."""
    if pooling == "cls":
        return states[:, 0]
    weights = mask[:, :, None].astype(np.float32)
    return np.asarray((states * weights).sum(axis=1) / weights.sum(axis=1), np.float32)


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
