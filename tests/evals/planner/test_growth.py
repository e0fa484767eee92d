import pytest

from evals.planner.growth import grown_hits, hit_share
from evals.planner.prices import Repetition

DAY = Repetition(zipf=0.8, ttl_s=86_400)


def test_one_question_is_missed_once_in_each_lifetime():
    assert hit_share(0.1, 1, Repetition(zipf=0.8, ttl_s=90)) == pytest.approx(0.9)


def test_equally_popular_questions_are_found_equally_often():
    even = Repetition(zipf=1e-9, ttl_s=100)
    assert hit_share(1.0, 50, even) == pytest.approx(2 / 3)
    # ranks past the first thousand are counted in groups, which changes nothing
    assert hit_share(40.0, 2_000, even) == pytest.approx(2 / 3, rel=1e-3)


def test_ten_times_the_load_finds_more_and_the_same_load_the_same():
    today = hit_share(5.0, 100_000, DAY)
    assert grown_hits(today, 5.0, 1, DAY) == pytest.approx(today, abs=1e-3)
    assert grown_hits(today, 5.0, 10, DAY) == pytest.approx(hit_share(50.0, 100_000, DAY), abs=1e-3)


@pytest.mark.parametrize("hits", [0.0, 1.0])
def test_a_share_that_repetition_does_not_explain_stays(hits):
    assert grown_hits(hits, 5.0, 10, DAY) == hits
