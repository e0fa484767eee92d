import pytest

from chaos.report.words import card, head, judged, named, target, told


@pytest.mark.parametrize(
    ("name", "bound", "words"),
    [
        ("availability", [1.0, 1.0], "100 %"),
        ("availability", [0.99, 1.0], "at least 99 %"),
        ("availability", [1.0, None], "100 %"),
        ("unlabelled_degraded", [None, 0], "0"),
        ("p95_ratio", [None, 1.5], "at most 1.5 ×"),
        ("p95_ratio", [0.5, 1.5], "at least 0.5 ×, at most 1.5 ×"),
        ("quality.fault.ndcg@10", [0.8, None], "at least 0.8"),
    ],
)
def test_targets_in_words(name, bound, words):
    assert target(name, bound) == words


def test_a_figure_without_a_name_of_its_own_is_told_by_the_way_to_it():
    assert named("quality.fault.ndcg@10") == "quality: fault: ndcg@10"
    assert named("phases.fault.p95_ms") == head("phases.fault.p95_ms") == "fault: p95 ms"
    assert head("p95_ratio") == "p95 ratio"
    assert told("requests", 1234.0) == "1,234"


def test_a_card_has_its_target_beside_it():
    figures = {"availability": 0.9, "recovery_s": None, "time_to_open_s": 1.0}
    targets = {"availability": [1.0, None], "recovery_s": [None, 10], "shedding": True}
    cards = [card(figures, targets, name) for name in figures]
    assert [(each.value, each.note, each.met) for each in cards] == [
        ("90 %", "target: 100 %", False),
        ("never", "target: at most 10 s", False),
        ("1 s", "", None),
    ]
    assert [row[-1] for row in judged(figures, targets)] == ["missed", "missed"]
