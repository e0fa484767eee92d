from prometheus_client.parser import text_string_to_metric_families

from evals.load.stub_counters import Counters, PrefixCache


def test_whole_blocks_behind_the_same_prefix_hit():
    cache = PrefixCache(block_tokens=2)
    assert cache.visit(["a", "b", "c", "d", "e"]) == 0
    assert cache.visit(["a", "b", "c", "d", "x"]) == 4
    assert cache.visit(["x", "b", "c", "d"]) == 0
    assert cache.visit(["a"]) == 0


def test_the_least_recently_used_block_goes_first():
    cache = PrefixCache(block_tokens=1, capacity_blocks=2)
    for prompt in ("a", "b", "a", "c"):
        cache.visit([prompt])
    assert (cache.visit(["a"]), cache.visit(["b"])) == (1, 0)


def test_usage_and_metrics_agree():
    counters = Counters()
    counters.count(["w"] * 20, 8)
    assert counters.count(["w"] * 20, 4) == {
        "prompt_tokens": 20,
        "completion_tokens": 4,
        "total_tokens": 24,
        "prompt_tokens_details": {"cached_tokens": 16},
    }
    text = counters.exposition("m-stub", running=3, waiting=5)
    samples = {s.name: (s.value, s.labels) for family in text_string_to_metric_families(text) for s in family.samples}
    assert samples == {
        "vllm:num_requests_running": (3, {"model_name": "m-stub"}),
        "vllm:num_requests_waiting": (5, {"model_name": "m-stub"}),
        "vllm:prompt_tokens_total": (40, {"model_name": "m-stub"}),
        "vllm:generation_tokens_total": (12, {"model_name": "m-stub"}),
        "vllm:prefix_cache_queries_total": (40, {"model_name": "m-stub"}),
        "vllm:prefix_cache_hits_total": (16, {"model_name": "m-stub"}),
    }
