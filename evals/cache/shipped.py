"""Makes `cache/data/scorer.npz`, the weights that ship: `python -m evals.cache.shipped`.

The shipped scorer is the cosine, calibrated on generated pairs. Overlap of words and conflicts between them are left to
the vetoes: weights for them, learned from templates, did not carry over to questions that people wrote
(docs/decisions tells the figures).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import cache
from cache.features import NAMES
from cache.scorer import Scorer
from cache.training import Table, platt, sigmoid, tabulate
from evals.cache.generated import generated_pairs
from evals.cache.judging import lay_out
from rag.embedding.batching import BlockingModel
from rag.embedding.files import prepare
from rag.embedding.onnx import OnnxModel
from rag.settings import load_settings

#: The operating point, picked on one half of each sample of question pairs; figures are stated for the other half.
OPERATING_COSINE = 0.93
#: A text told anew has a lower cosine at the same chance to be right; templates have no such pairs to learn it from.
RETOLD_ALLOWANCE = 0.02
#: A slip of the finger moves the vector, not the meaning; this makes up for the cosine of any candidate.
SLIPS_ALLOWANCE = 0.4
#: What a conflict costs. Whatever the cosine, it keeps a pair below the operating point; this ranks those there.
CONFLICT_COST = 0.04
SEED = 0


def shipped_scorer(model: BlockingModel) -> Scorer:
    """Train on generated pairs alone."""
    return calibrated_cosine(tabulate(lay_out(generated_pairs(SEED), model), frozenset()), model.info.model)


def calibrated_cosine(table: Table, embedder: str) -> Scorer:
    """The cosine as a probability, with the operating point at `OPERATING_COSINE`."""
    slope, offset = platt(table.features[:, NAMES.index("cosine")], table.same)
    worth = {
        "cosine": 1.0,
        "retold": RETOLD_ALLOWANCE,
        "slips alone": SLIPS_ALLOWANCE,
        "conflict": -CONFLICT_COST,
    }
    weights = np.array([slope * worth.get(name, 0.0) for name in NAMES], np.float32)
    return Scorer(
        embedder=embedder,
        threshold=float(sigmoid(np.array(slope * OPERATING_COSINE + offset))),
        weights=weights,
        bias=offset,
        trained_on="questions generated from our own templates",
    )


def main() -> None:
    """Write the file of the package that this is run from."""
    settings = load_settings()
    model = OnnxModel.load(prepare(settings.cache_dir, settings.embedder.model))
    shipped_scorer(model).save(Path(cache.__file__).parent / "data" / "scorer.npz")


if __name__ == "__main__":
    main()
