from evals.pages.decisions import cache, routing


def test_what_the_cache_serves(found, texts):
    shown = cache([found("cache", "c")])
    assert texts(shown, ".//tbody/tr[1]/*")[:4] == ["product", "10", "100 %", "20 %"]
    assert texts(shown, ".//circle/title") == ["product, precision: 1 (0.7 to 1)", "product, recall: 0.2 (0.1 to 0.3)"]


def test_what_the_router_recovers(found, texts):
    assert texts(routing([found("routing")]), ".//tbody/tr[1]/td")[3:5] == ["0.7", "0.6 to 0.8"]
