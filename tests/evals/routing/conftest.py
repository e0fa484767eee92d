import json

import numpy as np
import pytest

from rag.ports import EmbedderInfo
from tests.support.outcomes import DIMENSION, made_table


class ByHeart:
    """An embedding model that knows the vectors of a table's questions, and nothing else."""

    def __init__(self, table):
        self.info = EmbedderInfo("tiny", DIMENSION, 64)
        self._vectors = dict(zip(table.questions, table.vectors, strict=True))

    def encode(self, texts):
        return np.array([self._vectors[text] for text in texts])

    def count_tokens(self, texts):
        return [len(text.split()) for text in texts]


@pytest.fixture
def table():
    return made_table(400, seed=9)


@pytest.fixture
def outcomes(tmp_path, table):
    """A file whose texts `ByHeart` turns into the vectors of the table."""
    path = tmp_path / "made.jsonl"
    rows = zip(table.questions, table.quality.tolist(), table.sources.tolist(), strict=True)
    lines = (json.dumps({"source": s, "prompt": q, "small": y[0], "large": y[1]}) for q, y, s in rows)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def embedder(table):
    return ByHeart(table)
