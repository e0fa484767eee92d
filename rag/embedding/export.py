"""Set-up, once per model: sentence-transformers exports to ONNX, quantises to int8, and the result is checked.

Run as a child process (`python -m rag.embedding.export MODEL FOLDER WORK`), so that torch and transformers never enter
a serving process. The folder appears only when everything in it is complete and checked.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.embedding.files import FORMAT, MANIFEST, MODEL_FILE, TOKENIZER_FILE, Manifest, bundled_weights
from rag.embedding.onnx import OnnxModel

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

#: The least cosine between original and export that a probe may have.
MIN_COSINE = 0.99
PROBES = (
    "How do I enable two-factor authentication?",
    "How do I disable two-factor authentication?",
    "What is the capital of France?",
    "When was the Eiffel Tower built, and how tall is it?",
    "error: connection refused (os error 111) at 127.0.0.1:6333",
    "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)",
    "Photosynthesis converts light energy into chemical energy that is stored in carbohydrates.",
    "The committee met on 14 March 1983 and rejected the proposal by 12 votes to 7.",
    "Quelle est la différence entre un bail et un contrat de location ?",
    "The service refuses new work while it shuts down, and finishes what runs.",
    "A circuit breaker stops calling a dependency that fails, so that callers get an answer at once. " * 6,
    "Transonic flow over a two-dimensional aerofoil was investigated at Mach numbers between 0.7 and 1.2.",
)


def export(model: str, folder: Path, work: Path) -> Manifest:
    """Make `folder` hold the exported model, its tokenizer and a manifest.

    Tries int8 for CPUs with VNNI, then int8 with reduced range for older ones, then keeps fp32: the first whose
    vectors stay within `MIN_COSINE` of the original's on every probe.

    Args:
        model: a name that sentence-transformers knows.
        folder: appears when all is done.
        work: an empty folder on the same disk; what is left there is the caller's to remove.

    Raises:
        ValueError: the model's pooling is neither mean nor CLS.
    """
    from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - heavy, and only at set-up

    source = bundled_weights(model) or model
    original = SentenceTransformer(source, device="cpu")
    reference = original.encode(list(PROBES), normalize_embeddings=True)
    exported = SentenceTransformer(source, device="cpu", backend="onnx", model_kwargs={"export": True})
    exported.save_pretrained(str(work / "full"))
    shutil.copy(work / "full" / "tokenizer.json", work / TOKENIZER_FILE)
    manifest = _first_faithful(exported, original, model, np.asarray(reference, np.float32), work)
    (work / MANIFEST).write_text(json.dumps(manifest.model_dump(), indent=2))
    shutil.rmtree(work / "full")
    work.chmod(0o755)
    _publish(work, folder)
    return manifest


def _first_faithful(
    exported: SentenceTransformer, original: SentenceTransformer, model: str, reference: Any, work: Path
) -> Manifest:
    """Write the model file: the smallest precision that keeps the meaning; give back its manifest."""
    for precision, candidate in _candidates(exported, work / "full"):
        shutil.copy(candidate, work / MODEL_FILE)
        manifest = Manifest(
            format=FORMAT,
            model=model,
            precision=precision,
            dimension=int(reference.shape[1]),
            max_tokens=int(original.max_seq_length or 512),
            pooling=_pooling(original),
            min_cosine=0.0,
        )
        vectors = OnnxModel.from_files(work, manifest).encode(PROBES)
        cosine = float((vectors * reference).sum(axis=1).min())
        if cosine >= MIN_COSINE:
            return manifest.model_copy(update={"min_cosine": round(cosine, 5)})
        sys.stderr.write(f"{precision}: least cosine to the original {cosine:.4f} < {MIN_COSINE}, trying the next\n")
    raise ValueError(f"no export of {model} stays within cosine {MIN_COSINE} of the original")


def _candidates(exported: SentenceTransformer, full: Path) -> Any:
    """(precision, file), each made only when the one before it was not good enough."""
    from optimum.onnxruntime.configuration import AutoQuantizationConfig  # noqa: PLC0415
    from sentence_transformers import export_dynamic_quantized_onnx_model  # noqa: PLC0415

    for precision, config in (
        ("int8", AutoQuantizationConfig.avx512_vnni(is_static=False, per_channel=True)),
        ("int8-reduced-range", AutoQuantizationConfig.avx2(is_static=False, per_channel=True)),
    ):
        export_dynamic_quantized_onnx_model(exported, config, str(full), file_suffix=precision)
        yield precision, full / "onnx" / f"model_{precision}.onnx"
    yield "fp32", full / "onnx" / "model.onnx"


def _pooling(model: SentenceTransformer) -> str:
    for module in model:
        if module.__class__.__name__ == "Pooling":
            mode = str(module.pooling_mode)
            if mode in {"mean", "cls"}:
                return mode
            raise ValueError(f"pooling {mode!r} is not supported; choose a model with mean or CLS pooling")
    return "mean"


def _publish(work: Path, folder: Path) -> None:
    """Move the finished folder into place; when another process was faster, its folder stands."""
    done = work.with_name(work.name + ".done")
    os.replace(work, done)
    try:
        os.replace(done, folder)
    except OSError:
        if not (folder / MANIFEST).exists():
            raise
    finally:
        shutil.rmtree(done, ignore_errors=True)


if __name__ == "__main__":
    export(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
