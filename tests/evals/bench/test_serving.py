import pytest

from evals.bench import serving
from tests.support.corpus import QUESTION, UNANSWERABLE


@pytest.fixture(autouse=True)
def briefly(monkeypatch):
    for name, value in {"WARM_UP": 1, "MISSES": 2, "HIT_CONNECTIONS": 2, "HIT_SECONDS": 0.2, "HIT_ROUNDS": 1}.items():
        monkeypatch.setattr(serving, name, value)


async def test_a_running_service_is_measured(ingested):
    figures = await serving.measure([QUESTION, "Where does the Great Barrier Reef lie?"] * 2, ingested)
    assert all(value > 0 for value in figures.values())
    assert figures["miss_p50_ms"] <= figures["miss_p99_ms"]
    assert figures["hit_vs_bare_handler"] == figures["hit_rps"] / figures["bare_handler_rps"]
    assert figures["stream_hit_vs_bare_handler"] == figures["stream_hit_rps"] / figures["bare_stream_rps"]


async def test_an_answer_that_is_never_cached_is_no_hit_to_measure(ingested):
    with pytest.raises(RuntimeError, match="no exact hit"):
        await serving.measure([UNANSWERABLE] * 4, ingested)
