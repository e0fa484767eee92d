import pytest

from evals.bench import embedding

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("default")  # torch and transformers warn about themselves
def test_every_way_is_measured_and_compared(model_folder, monkeypatch):
    pytest.importorskip("sentence_transformers")
    monkeypatch.setattr(embedding, "ROUNDS", 1)
    monkeypatch.setattr(embedding, "TOGETHER", 4)
    figures = embedding.measure(["How tall is the tower?", "Where is the reef?"], model_folder.parent.parent)
    times = {name: value for name, value in figures.items() if name.endswith("_ms")}
    assert len(times) == 5
    assert all(value > 0 for value in figures.values())
    assert figures["one_vs_torch"] == times["torch_one_ms"] / times["int8_one_ms"]
    assert figures["32_vs_torch"] == times["torch_32_ms"] / times["int8_together_32_ms"]
    assert figures["together_vs_one_by_one"] == times["int8_one_by_one_32_ms"] / times["int8_together_32_ms"]
