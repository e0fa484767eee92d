import pytest

from evals.bench.replay import Asked, Reply, figures, measure

ANSWERS = {"tall": frozenset({"330"}), "height": frozenset({"330", "330 m"}), "opened": frozenset({"1889"})}


def asked(*ids):
    return [Asked(name, name) for name in ids]


def test_what_the_cache_saves_is_counted():
    without = [Reply("330 metres", "miss", 20.0)] * 4
    cached = [
        Reply("330 metres", verdict, took)
        for verdict, took in zip(("miss", "exact", "semantic", "exact"), (20.0, 1.0, 5.0, 1.0), strict=True)
    ]
    found = figures(asked("tall", "tall", "height", "tall"), without, cached, ANSWERS)
    assert (found["hit_ratio"], found["exact_share"], found["semantic_share"]) == (0.75, 0.5, 0.25)
    assert (found["model_calls_saved"], found["wrong"]) == (3, 0)
    assert found["with_p50_ms"] < found["without_p50_ms"] == 20.0


def test_an_answer_to_another_question_is_a_wrong_serve():
    without = [Reply("330 metres", "miss", 20.0), Reply("In 1889", "miss", 20.0)]
    cached = [Reply("330 metres", "miss", 20.0), Reply("330 metres", "semantic", 2.0)]
    found = figures(asked("tall", "opened"), without, cached, ANSWERS)
    assert (found["wrong"], found["wrong_share"]) == (1, 1.0)
    assert found["wrong_upper95"] == pytest.approx(1.0)


async def test_the_service_is_asked_with_and_without_its_cache(labelled, ingested):
    found = await measure(labelled, ingested, requests=12, seed=1)
    assert found["requests"] == 12
    assert 0 < found["hit_ratio"] < 1
    assert found["wrong"] == 0
    assert all(found[f"{name}_p50_ms"] > 0 for name in ("with", "without"))
