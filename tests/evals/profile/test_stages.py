import pytest

from evals.load.records import Record
from evals.profile.stages import STAGES, own_s


def own(e2e_s, **timings_ms):
    return dict(own_s(Record("", 0.0, 0.0, e2e_s, timings_ms=timings_ms)))


def test_stages_one_after_another_keep_their_times():
    found = own(0.150, embed=5.0, retrieve=15.0, route=1.0, generate=100.0, total=140.0)
    assert tuple(found) == STAGES
    assert found == pytest.approx(
        {"outside": 0.01, "other": 0.019, "contextualize": 0, "embed": 0.005, "retrieve": 0.015, "route": 0.001}
        | {"generate": 0.1}
    )


def test_what_ran_at_the_same_time_is_counted_once():
    found = own(0.120, embed=5.0, retrieve=15.0, generate=100.0, total=116.0)
    assert (found["embed"], found["retrieve"], found["other"]) == pytest.approx((0.005, 0.011, 0.0))
    assert sum(found.values()) == pytest.approx(0.120)


def test_a_stored_answer_has_no_stages():
    assert own(0.003, total=1.0) == pytest.approx(dict.fromkeys(STAGES, 0.0) | {"outside": 0.002, "other": 0.001})
