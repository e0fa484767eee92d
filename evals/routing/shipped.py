"""Makes `router/data/classifier.npz`, the weights that ship: python -m evals.routing.shipped DATE FILE...

The files are outcomes of lm-sys/RouteLLM (Apache-2.0, questions MIT) and ulab-uiuc/LLMRouter (MIT), whose licences
let weights trained on them be shipped. DATE goes into the record, so that the same files give the same weights.
"""

from __future__ import annotations

import sys
from pathlib import Path

import router
from evals.routing.fitting import fit
from evals.routing.setup import embedding_model, save
from evals.routing.table import lay_out, read_outcomes
from rag.embedding.onnx import OnnxModel
from router.classifier import Classifier

LICENCE = "outcomes: lm-sys/RouteLLM (Apache-2.0, questions MIT), ulab-uiuc/LLMRouter (MIT)"


def shipped_classifier(model: OnnxModel, date: str, paths: list[Path]) -> Classifier:
    """Train on these files."""
    table = lay_out(read_outcomes(paths), model)
    return fit(table, embedder=model.info.model, data=[path.name for path in paths], date=date, licence=LICENCE)


def main(date: str, *paths: str) -> None:
    """Write the file of the package that this is run from."""
    classifier = shipped_classifier(embedding_model(), date, [Path(path) for path in paths])
    save(classifier, Path(router.__file__).parent / "data" / "classifier.npz")


if __name__ == "__main__":
    main(*sys.argv[1:])
