from evals.bench.decision import measure


async def test_it_fills_the_scope_and_measures_decisions(cache_dir):
    figures = await measure(["How tall is it?", "How old is it?", "Who made it?"], cache_dir, 20)
    assert figures["entries"] == 20
    assert 0 < figures["decision_p50_ms"] <= figures["decision_p99_ms"]
    assert figures["stored_per_s"] > 0
