from dataclasses import replace

from evals.pages.plan import section, sentence


def changed(found, **figures):
    each = found("plan", "p")
    return replace(each, figures={**each.figures, **figures})


def test_the_way_to_ten_times_the_load_is_told_drawn_and_listed(found, texts):
    figures = found("plan").figures
    shown = section([found("plan", "p")])
    last = figures["path"][-1]
    assert texts(shown, ".//strong") == [sentence(figures)]
    assert f"40 a second: {last['cost_per_hour']:g} USD an hour" in texts(shown, ".//circle/title")
    (row,) = (row for row in texts(shown, ".//tr") if row.startswith("10 ×40"))
    assert row.endswith(f"{figures['cost_ratio_10x']:.3g} ×")


def test_every_assumption_stands_there(found, texts):
    assert texts(section([found("plan")]), ".//ul/li")[2:] == found("plan").figures["assumptions"]


def test_a_lever_without_which_nothing_keeps_the_objective(found, texts):
    saves = {"caching": {"impossible": "no number of replicas keeps it", "saved": None}}
    assert "no number of replicas keeps it" in texts(section([changed(found, saves=saves)]), ".//td")


def test_what_costs_nothing_and_has_no_lever_has_no_ratio(found, texts):
    each = changed(found, saves={}, cost_ratio_10x=None, cost_ratio_10x_from_plain=None)
    shown = section([each])
    assert sentence(each.figures).endswith("USD an hour.")
    assert texts(shown, ".//dd[@class='value']")[2:] == ["–"]
    assert not any(row.startswith("without") for row in texts(shown, ".//tr"))
