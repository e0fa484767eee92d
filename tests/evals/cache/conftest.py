import json
import random

import pytest

from evals.cache.generated import generated_pairs


@pytest.fixture(scope="session")
def pairs():
    """Some generated pairs of both labels."""
    return random.Random(0).sample(generated_pairs(0), 260)


@pytest.fixture
def pairs_file(pairs, tmp_path):
    path = tmp_path / "pairs.jsonl"
    rows = ({"a": p.a, "b": p.b, "label": int(p.same), "kind": p.kind} for p in pairs)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def exported(model_folder, monkeypatch):
    """The exported model, for commands that read the settings."""
    monkeypatch.setenv("STEADYRAG_CACHE_DIR", str(model_folder.parent.parent))
